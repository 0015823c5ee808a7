#!/bin/sh
# Which proteins are globins? One element of the array for each file of sequences, in an image that
# has HMMER. Made once, for instance with
#
#   mmdebstrap --variant=apt --include=hmmer,hmmer-examples bookworm /data/images/hmmer
#
# then:  gdsub --image /data/images/hmmer --array=1-5 job.sh
#
# Sequences are in parts/1.fa, parts/2.fa, ... of the folder where this was submitted.
#SBATCH --job-name=globins
#SBATCH --cpus-per-task=1 --mem=200M
#SBATCH --time=10
#SBATCH --output=globins.%a.log
set -e
profile=/usr/share/doc/hmmer/examples/tutorial/globins4.hmm
hmmsearch --cpu "${SLURM_CPUS_PER_TASK:-1}" --tblout "hits.$SLURM_ARRAY_TASK_ID" \
  "$profile" "parts/$SLURM_ARRAY_TASK_ID.fa"
