# SPDX-License-Identifier: Apache-2.0
# Sourced by what loads the services over loopback: sets python (with grpcio, numpy and Pillow), programs and checkpoint, and exports
# PYTHONPATH with the stubs of protos/. In the repository's root.
#
# BENCH_DIR: where the checkpoint and the client's environment are kept, .build-bench by default.
# BENCH_PROGRAMS: a directory of services that are built already.
dir=${BENCH_DIR:-.build-bench}
requirements=Benchmarks/OverloadBenchmark/requirements.txt
mkdir -p "$dir/stubs"

if ! cmp -s "$requirements" "$dir/venv-overload/.complete"; then
  echo "Setting up the client in $dir/venv-overload"
  python3 -m venv "$dir/venv-overload"
  "$dir/venv-overload/bin/pip" install -q -r "$requirements"
  cp "$requirements" "$dir/venv-overload/.complete"
fi
python=$dir/venv-overload/bin/python
checkpoint=$dir/overload-checkpoint
if [ ! -e "$checkpoint/rec_module/config.json" ]; then
  rm -rf "$checkpoint"
  "$python" Benchmarks/ModelBenchmark/make_checkpoint.py "$checkpoint" --llm 256,4,4,4,768 --tower 256,4,4,1024,224,14 --space-width 64
fi
"$python" -m grpc_tools.protoc -I protos --python_out="$dir/stubs" --grpc_python_out="$dir/stubs" \
  $(find protos/illmrec -name '*.proto' | sort)
programs=${BENCH_PROGRAMS:-}
if [ -z "$programs" ]; then
  for program in illmrec illmrec-encoder illmrec-llm illmrec-retrieval; do "${SWIFT:-swift}" build -c release --product "$program"; done
  programs=.build/release
fi
export PYTHONPATH="$dir/stubs"
