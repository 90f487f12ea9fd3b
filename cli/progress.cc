#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cli/output.h"
#include "fmt/core.h"

namespace tamis::cli {
namespace {

size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

std::string bar(double share, size_t width) {
  static constexpr const char* parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width * 8));
  std::string text;
  for (size_t i = 0; i < eighths / 8; ++i) text += "█";
  size_t places = eighths / 8;
  if (eighths % 8 != 0) {
    text += parts[eighths % 8];
    ++places;
  }
  return text + std::string(width - places, ' ');
}

void Progress::show(int64_t done, int64_t total, const std::string& text) {
  if (!is_terminal_) return;
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  std::string line = fmt::format("{} {:3.0f} % ", bar(share, 24), share * 100);
  const size_t room = terminal_width() - display_width(line) - 1;
  line += text.size() > room ? text.substr(0, room) : text;
  out_ << "\r\033[K" << line << std::flush;
  shown_ = true;
}

void Progress::clear() {
  if (shown_) out_ << "\r\033[K" << std::flush;
  shown_ = false;
}

}  // namespace tamis::cli
