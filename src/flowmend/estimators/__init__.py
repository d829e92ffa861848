"""Optical flow of a pair of frames."""
