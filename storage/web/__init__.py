"""Songs from http and https: which addresses may be fetched, and how a download goes on."""
