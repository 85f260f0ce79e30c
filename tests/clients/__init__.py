"""Real client programs and SDKs, run through the gateway. They are installed into a folder outside the checkout."""
