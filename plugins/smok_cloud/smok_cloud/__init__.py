"""The SMOK cloud: device certificates, the HTTP API and the uploader.

Nothing is imported here, so that a device without the ``cloud`` extra can import the package;
take names from the modules: `smok_cloud.certificates`, `smok_cloud.api`.
"""
