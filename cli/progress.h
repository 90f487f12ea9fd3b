// One line on a terminal that is written over: a bar, and a text beside it.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace tamis::cli {

class Progress {
 public:
  Progress(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}
  ~Progress() { clear(); }
  bool is_terminal() const { return is_terminal_; }
  /// Writes nothing when there is no terminal.  `total` 0: not known yet.
  void show(int64_t done, int64_t total, const std::string& text);
  void clear();

 private:
  std::ostream& out_;
  bool is_terminal_;
  bool shown_ = false;
};

/// `█████▌    ` of `width` places.
std::string bar(double share, size_t width);

}  // namespace tamis::cli
