"""Files in and out: images, video, flow."""
