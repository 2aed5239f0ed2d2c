"""Naive twins of what is done to images: one pixel at a time, in Python's numbers."""

import math

import numpy as np


def read_between(picture, y, x, background):
    """One channel [H][W] at a place between its pixels: bilinear, `background` outside."""
    height, width = len(picture), len(picture[0])
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for row, weight_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, weight_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = 0 <= row < height and 0 <= column < width
            total += weight_y * weight_x * (picture[row][column] if inside else background)
    return total


def affine(picture, degrees=0.0, zoom=1.0, right=0.0, down=0.0, mirrored=False, background=0.0):
    """One channel [H][W]: where does each pixel come from? Moved back, turned back, shrunk, mirrored back."""
    height, width = len(picture), len(picture[0])
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    made = np.empty((height, width))
    for row in range(height):
        for column in range(width):
            # Upwards is positive here, so that counter-clockwise is what it is in school.
            x, up = column - middle_x - right, -(row - middle_y - down)
            back_x, back_up = cosine * x + sine * up, -sine * x + cosine * up
            back_x, back_up = back_x / zoom, back_up / zoom
            if mirrored:
                back_x = -back_x
            made[row, column] = read_between(picture, middle_y - back_up, middle_x + back_x, background)
    return made


def contrast(image, factor):
    """All channels [C][H][W]: distances from the mean times `factor`."""
    values = [v for channel in image for row in channel for v in row]
    mean = math.fsum(values) / len(values)
    return np.array([[[mean + factor * (v - mean) for v in row] for row in channel] for channel in image])


def pasted(image, other, box):
    """`image` with what is inside of (top, bottom, left, right) from `other`, and the share that is kept."""
    channels, height, width = np.shape(image)
    made, kept = np.array(image, float), 0
    for row in range(height):
        for column in range(width):
            inside = box[0] <= row < box[1] and box[2] <= column < box[3]
            kept += not inside
            for channel in range(channels):
                if inside:
                    made[channel, row, column] = other[channel][row][column]
    return made, kept / (height * width)
