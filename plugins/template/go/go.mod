module template

go 1.24

require sandstream.local/guest v0.0.0

replace sandstream.local/guest => ./sandstream
