"""Guards between similar and same: what keeps a close question from being given another one's answer."""
