#!/bin/bash
# One shard for each task of a Slurm array; submitted again, for instance after the time limit, it goes on.
#   sbatch --array=1-8 configs/cluster/slurm.sh seeds.jsonl --model NAME --base-url http://HOST:8000/v1
#   evol collect output shards/*
# SHARDS is the N of all shards and stays, also when `--array=3,7` submits some tasks again. The seeds, `shards/` and
# evol itself stand on a shared file system; the key comes from OPENAI_API_KEY, which sbatch passes on.
#SBATCH --job-name=evol
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --output=evol-%A-%a.log
set -eu
SHARDS=${SHARDS:-8}
# exec: the signal before the time limit reaches evol, which then finishes its calls and writes its files
exec evol run "$@" --quiet --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --out "shards/$SLURM_ARRAY_TASK_ID"
