# The model server, by SageMaker's hosting contract: `docker run IMAGE serve` answers on port 8080 with /opt/ml/model.
#   CPU:   docker build -t floodscope .
#   CUDA:  docker build -t floodscope:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#   Try:   docker run -p 8080:8080 -v "$PWD/bundle:/opt/ml/model:ro" floodscope serve
# The CUDA libraries come with the wheels of PyTorch: the host needs a driver and the NVIDIA container toolkit, no other image.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    MALLOC_ARENA_MAX=2

WORKDIR /opt/floodscope
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY assets assets
COPY dashboard dashboard
COPY model model
COPY tiles tiles

# torch and torchvision of the pinned versions, first and from their own index; the rest by the same pins.
RUN grep -E '^(torch|torchvision)==' constraints.txt > /tmp/torch.txt \
    && pip install --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple -r /tmp/torch.txt \
    && grep -vE '^(torch|torchvision|nvidia-|cuda-|triton)' constraints.txt > /tmp/pins.txt \
    && pip install -c /tmp/pins.txt . \
    && useradd --system --no-create-home floodscope

# The labels let one container of several on an endpoint take the port that it is given, and a load balancer probe.
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
EXPOSE 8080
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/ping', timeout=2)"]

USER floodscope
# The hosting service starts the container with the one word `serve`; a training job with `train`.
ENTRYPOINT ["floodscope"]
CMD ["serve"]
