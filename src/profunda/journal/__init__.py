"""The append-only memory of a run, which survives a power cut at any moment.

`record` is the journal itself, `line` one record as a line of JSON with a checksum, `lock` keeps a run to one
process, `arrays` holds weights beside the journal, `durable` replaces a file so that it is never
half-written.
"""
