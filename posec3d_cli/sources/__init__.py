"""Inputs that are no files of this machine, or no single ones: each becomes a local file, which is then read.

An address is fetched once and kept as long as its server says that it is unchanged; standard input is stored; a
sequence of pictures gets a list (`posec3d_cli.video.pictures`). All of it lies in one cache.
"""
