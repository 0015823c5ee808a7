// gdprio - what the priority of each waiting job is made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/command.h"
#include "cmd/format.h"
#include "cmd/job_query.h"

namespace gd::cmd {

struct PrioOptions {
  FilterOptions filter;
  bool long_listing = false;
  bool normalised = false;
  bool weights = false;
  bool no_header = false;
  bool verbose = false;
  std::string format;
  std::string sort;
};

struct PrioWeights {  // as configured
  double age = 0, fair_share = 0, stretch = 0, size = 0, partition = 0;
  double qos = 0;  // 0 too where no QOS is configured
};

void define_gdprio(Cli& cli, PrioOptions& options);

// Pure: the columns, by what counts and what was asked for.
std::string prio_format(const PrioOptions& options, const PrioWeights& weights);

}  // namespace gd::cmd
