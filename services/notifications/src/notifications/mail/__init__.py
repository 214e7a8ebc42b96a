"""Mail: words, numbers, calendar, letter, and the way to the server."""
