"""Labeled segments of videos: their table `truth.csv`, and the formats of annotation tools and subtitles."""
