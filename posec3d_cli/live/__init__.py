"""Actions of people in front of a camera, as they happen: poses of the newest frame, an answer every second."""
