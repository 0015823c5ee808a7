// From what a request names to records: jobs, whole arrays, elements of arrays. Elements
// that wait in a record with others are split off it first, so that every verb acts on
// one record and knows nothing of arrays.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "proto/messages_client.h"
#include "server/core/draft.h"

namespace gd::core {

// These elements, out of a waiting record that has them and others: in a record of its own.
// All of it: the record itself.
JobId split_off(Draft& draft, JobId id, const IndexSet& wanted);

enum class Named : uint8_t {
  waiting_too,   // the verb acts on what waits: split as needed
  started_only,  // it does not: what waits is handed over as it is, to be refused
};

struct Names {
  const std::vector<JobId>& jobs;
  const std::vector<JobElements>& elements;
};

// Does one thing to each; a refusal of one is in the reply and stops no other. Of an array that
// is named as a whole, records that the verb does not fit are passed over if others take it.
JobsReply for_each_named(Draft& draft, const Names& names, Named which,
                         const std::function<Result<void>(JobId)>& one);

}  // namespace gd::core
