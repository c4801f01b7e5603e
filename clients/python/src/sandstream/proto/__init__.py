"""The messages of `proto/sandstream.proto`; README.md says by which command they are made."""
