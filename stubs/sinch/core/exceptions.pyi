"""What the SDK raises."""

class SinchException(Exception):
    response_status_code: int | None
    is_from_server: bool
