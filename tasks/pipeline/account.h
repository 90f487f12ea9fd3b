// What became of the records of a slice (PIPELINE §7): counted once each, and it must add up.  Made by
// run.cc, summed for reports.
#pragma once
#include <array>
#include <optional>
#include <span>
#include <string>

#include "core/base/json.h"
#include "core/records/batch.h"

namespace tamis::pipeline {

struct Account {
  int64_t read = 0, accepted = 0, filtered = 0, duplicate = 0, rejected = 0, nulled = 0, documents = 0,
          windows = 0, holes = 0;
  std::array<int64_t, records::reason_count> rejected_by{};
  std::optional<base::Instant> max_event_time;
  base::Json lost = base::Json::array();  ///< ranges that retention deleted, with on_data_loss: record
  double seconds = 0;

  /// Counts the rows of a batch that are no lookback, after all transforms.
  void count(const records::Batch& batch, bool has_time);
  /// Moves one accepted record to the rejected ones.
  void refuse();
  void add(const Account& other);
  bool adds_up() const { return read == accepted + filtered + duplicate + rejected; }

  /// The members of §7 but for `slice`.
  base::Json json() const;
  /// Reads what json() wrote; missing members are 0.
  static Account from_json(const base::Json& json);
};

/// The account of a run: the sum over the results of its slices; results that are no accounts are passed
/// over.
Account sum(std::span<const base::Json> results);

}  // namespace tamis::pipeline
