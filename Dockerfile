# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0

# Builds on every platform that both base images have: docker buildx build --platform linux/amd64,linux/arm64 .

# The program, built. The version is the workspace's rust-version (a test compares them).
FROM rust:1.95-slim-bookworm AS build
# Needed by librdkafka's build besides the C compiler, and OpenSSL, which librdkafka and the schema registry's client use
# for TLS.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock topics.yaml ./
COPY .cargo .cargo
COPY processors processors
COPY schemas schemas
COPY examples examples
COPY tests tests
# The registry and the target directory are cached between builds, the latter for each platform; the program is copied out of them.
ARG TARGETPLATFORM
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,id=target-$TARGETPLATFORM,target=/src/target \
    cargo build --profile dist --locked --package app --bin cx-timelines \
    && cp target/dist/cx-timelines /usr/local/bin/cx-timelines

# Only the program: everything but the C library and OpenSSL is linked statically. Those are Debian's, so that they are updated
# with the image, and so are the CA certificates.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libssl3 ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin cx \
    && install --directory --owner 10001 --group 10001 /var/lib/cx-timelines
COPY --from=build /usr/local/bin/cx-timelines /usr/local/bin/cx-timelines
WORKDIR /etc/cx-timelines
COPY topics.yaml ./
USER 10001:10001
EXPOSE 9464
# For --state-dir; a volume mounted here belongs to the user above.
VOLUME /var/lib/cx-timelines
# SIGTERM commits the open transaction and leaves the group within 5 seconds.
ENTRYPOINT ["/usr/local/bin/cx-timelines"]
CMD ["run"]
