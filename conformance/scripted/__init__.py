"""The scripted model: a program that obeys the probe language, its faces and its faults."""
