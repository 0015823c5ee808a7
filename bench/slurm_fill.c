// slurm_fill JOBS: submits so many jobs to Slurm from one process, all alike and each alone on a
// node, as `sbatch --exclusive -J listed -o /dev/null --wrap true` does.
//
//   cc slurm_fill.c -lslurm        (Debian's libslurm-dev; SLURM_CONF names the cluster)
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const long jobs = argc == 2 ? atol(argv[1]) : 0;
  if (jobs < 1) return fprintf(stderr, "usage: slurm_fill JOBS\n"), 2;
  slurm_init(NULL);
  char* environment[] = {"PATH=/usr/bin:/bin", NULL};
  for (long i = 0; i < jobs; ++i) {
    job_desc_msg_t job;
    slurm_init_job_desc_msg(&job);
    job.name = "listed";
    job.script = "#!/bin/sh\ntrue\n";
    job.work_dir = "/tmp";
    job.std_out = "/dev/null";
    job.environment = environment;
    job.env_size = 1;
    job.shared = JOB_SHARED_NONE;
    job.user_id = getuid();
    job.group_id = getgid();
    submit_response_msg_t* reply = NULL;
    if (slurm_submit_batch_job(&job, &reply) != SLURM_SUCCESS) {
      fprintf(stderr, "slurm_fill: job %ld: %s\n", i, slurm_strerror(slurm_get_errno()));
      return 1;
    }
    slurm_free_submit_response_response_msg(reply);
  }
  slurm_fini();
  return 0;
}
