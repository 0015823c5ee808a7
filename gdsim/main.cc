// gdsim: a program of its own, since it holds the scheduler and needs no controller.
#include <string>
#include <vector>

#include "gdsim/gdsim.h"

int main(int argc, char** argv) {
  return gd::sim::kGdsim.start(
      {"gdsim", gd::cmd::Dialect::gd, std::vector<std::string>(argv + 1, argv + argc)});
}
