"""Pages and playlists of music sites, through yt-dlp."""
