# One image, four programs: the command says which.  Built in two stages so that no compiler is shipped.
FROM debian:bookworm-slim AS build
COPY tools/install_packages /src/tools/install_packages
RUN /src/tools/install_packages && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release && cmake --build build/release -j 2 && strip build/release/bin/tamis*

FROM debian:bookworm-slim
RUN apt-get -o DPkg::Lock::Timeout=600 update && apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends \
      ca-certificates curl tzdata redis-server libhiredis0.14 librdkafka1 libcurl4 libtbb12 libgflags2.2 libsimdjson14 libyaml-cpp0.7 \
      libspdlog1.10 libfmt9 libcpp-httplib0.11 libprometheus-cpp-core1.0 libdate-tz3 libsqlite3-0 libre2-9 libzstd1 zlib1g libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home tamis && mkdir -p /dags /data && chown tamis /dags /data
COPY --from=build /src/build/release/bin/ /usr/local/bin/
COPY dags/ /dags/
USER tamis
WORKDIR /data
ENV TAMIS_DATA_DIR=/data
CMD ["tamis", "--help"]
