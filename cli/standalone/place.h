// The folder of a standalone installation: who runs on it, where its parts answer.  Read by `standalone
// status` and `stop`.
#pragma once
#include <optional>
#include <string>

#include "core/base/json.h"

namespace tamis::cli {

class Place {
 public:
  /// Makes the folder if it is not there.  Throws UserError.
  explicit Place(const std::string& folder);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::string& folder() const { return folder_; }
  std::string logs() const { return folder_ + "/logs"; }
  std::string redis_folder() const { return folder_ + "/redis"; }
  std::string redis_socket() const { return folder_ + "/redis.sock"; }

  /// Takes the folder for this process until it ends.  Throws Conflict when another one has it.
  void lock();
  /// Whether some process has it.
  bool is_taken() const;
  void write_state(const base::Json& state) const;
  /// What the process that has it wrote; null when there is none.
  base::Json state() const;

 private:
  std::string folder_;
  int lock_ = -1;
};

}  // namespace tamis::cli
