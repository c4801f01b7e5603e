module sandstream.local/guest

go 1.24
