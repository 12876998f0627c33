# decode as a command: docker build -t decode . && docker run --rm -v "$PWD:/data" decode --help
# The versions are those of constraints.txt, with which all tests passed.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY decode ./decode
RUN python -m venv /opt/decode \
 && /opt/decode/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[dask,report,bigwig,genotypes]" \
 && /opt/decode/bin/pip uninstall --yes --quiet pip \
 && find /opt/decode -type d -name tests -path "*/site-packages/*" -not -path "*/numpy/*" -prune -exec rm -r {} + \
 && find /opt/decode -type d -name include -path "*/tensorflow/*" -prune -exec rm -r {} +

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 decode && install -d -o decode /data /opt/numba
COPY --from=build /opt/decode /opt/decode
ENV PATH=/opt/decode/bin:$PATH MPLBACKEND=Agg TF_CPP_MIN_LOG_LEVEL=3 NUMBA_CACHE_DIR=/opt/numba
USER decode
# Compiled kernels are kept, so that the first command does not wait for the compiler; whoever runs it may add to them.
RUN decode --quiet demo --out /tmp/demo && rm -r /tmp/demo && chmod -R a+rwX /opt/numba
WORKDIR /data
ENTRYPOINT ["decode"]
CMD ["--help"]
