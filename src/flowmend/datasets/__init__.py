"""Clips from the synthetic set, DAVIS, YouTube-VOS, folders and video files."""
