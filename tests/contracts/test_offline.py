"""Tests cannot reach a network by accident, and asyncio still works."""

import asyncio
import socket

import pytest
from pytest_socket import SocketBlockedError


def test_a_network_socket_is_refused():
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def test_an_event_loop_can_be_started():
    assert asyncio.run(asyncio.sleep(0, "woken")) == "woken"
