"""The nightly run of a home in the schedules of its user: systemd's, or cron's."""
