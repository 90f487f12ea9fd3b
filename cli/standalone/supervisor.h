// All programs of one machine: started in order, restarted when they die, stopped in the other order.
#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/standalone/child.h"
#include "cli/standalone/place.h"

namespace tamis::cli {

struct StandaloneOptions {
  std::string dags;    ///< the folder of DAG files
  std::string listen;  ///< of the api; empty: 127.0.0.1:8080, or a free port when that is taken
  std::string data;    ///< --data of the api
  std::string queues;  ///< of the workers
  int workers = 2, concurrency = 2;
  bool allow_no_auth = false;
  bool show_lines = true, colour = false;
};

class Supervisor {
 public:
  /// `tell`: a line for the person who started it.
  Supervisor(StandaloneOptions options, Place& place, std::function<void(const std::string&)> tell);
  /// Starts everything and returns when all of it answers.  Throws Error with the last lines of what did not.
  void start(const std::stop_token& stop);
  /// Restarts what dies until it is asked to stop.
  void watch(const std::stop_token& stop);
  void stop();
  std::string api_url() const;

 private:
  std::vector<ChildSpec> specs() const;
  void wait_until_ready(Child& child, const std::stop_token& stop);
  bool is_ready(const Child& child) const;
  void restart_if_due(Child& child);
  void write_state() const;

  StandaloneOptions options_;
  Place& place_;
  std::function<void(const std::string&)> tell_;
  std::string api_address_;
  Lines lines_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace tamis::cli
