// JSON lines in folders.  Each slice writes a file of its own, which appears whole under its name: writing it
// again replaces it. Documents with versions (windows, `id:`) go into one file a task and folder, in which a
// newer version replaces an older one.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/records/members.h"
#include "tasks/sinks/body.h"
#include "tasks/sinks/kinds.h"

namespace tamis::sinks {
namespace {

namespace fs = std::filesystem;
using records::DocumentBatch;

constexpr size_t buffered_max = 16 << 20;
constexpr auto lock_wait = std::chrono::seconds(60);

[[noreturn]] void fail(const std::string& path, int error) {
  const std::string reason = std::strerror(error);
  if (error == EACCES || error == EPERM || error == EROFS || error == ENOTDIR || error == EISDIR ||
      error == ENAMETOOLONG)
    throw base::UserError("can't write \"{}\": {}", path, reason);
  throw base::TransientError("can't write \"{}\": {}; nothing of it is visible", path, reason);
}

/// A file that nobody sees until it is published under its name.
class HiddenFile {
 public:
  explicit HiddenFile(const fs::path& target)
      : target_(target.string()),
        hidden_((target.parent_path() / ("." + target.filename().string() + "." + base::random_uuid()))
                    .string()) {}
  ~HiddenFile() {
    if (is_there_) ::unlink(hidden_.c_str());
  }
  HiddenFile(const HiddenFile&) = delete;
  HiddenFile& operator=(const HiddenFile&) = delete;

  /// Opened for each call only, so that many folders need no more descriptors than one.
  void append(std::string_view bytes) {
    with_file([&](int file) { write_all(file, bytes); });
  }
  void publish() {
    with_file([&](int file) {
      if (::fsync(file) != 0) fail(target_, errno);
    });
    if (::rename(hidden_.c_str(), target_.c_str()) != 0) fail(target_, errno);
    is_there_ = false;
    if (const int folder =
            ::open(fs::path(target_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        folder >= 0) {
      ::fsync(folder);
      ::close(folder);
    }
  }

 private:
  template <typename Then>
  void with_file(Then then) {
    const int file = ::open(hidden_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) fail(target_, errno);
    is_there_ = true;
    try {
      then(file);
    } catch (...) {
      ::close(file);
      throw;
    }
    if (::close(file) != 0) fail(target_, errno);
  }
  void write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail(target_, n < 0 ? errno : ENOSPC);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  std::string target_, hidden_;
  bool is_there_ = false;
};

/// Keeps others from merging into the same file; a lock file, as the file itself is replaced.
class FolderLock {
 public:
  FolderLock(const fs::path& path, const std::stop_token& stop) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) fail(path.string(), errno);
    const auto deadline = std::chrono::steady_clock::now() + lock_wait;
    while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (stop.stop_requested() || std::chrono::steady_clock::now() > deadline) {
        ::close(file_);
        throw base::TransientError("can't lock \"{}\": another process holds it", path.string());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  ~FolderLock() { ::close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

/// A name that is one part of a path.
std::string file_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '_' || c == '-' || c == '.' || c == '=';
    if (is_plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  // The rest of a long name would not fit into a file's name: it is told apart by its hash.
  if (out.size() > 180) out = out.substr(0, 140) + "~" + base::derived_uuid(text);
  return out;
}

/// Documents by id in the order in which they came, as the merged file holds them.
class Merged {
 public:
  struct Row {
    std::string id;
    int64_t version = -1;
    std::string line;
  };

  void put(const std::string& id, int64_t version, std::string line) {
    const auto [found, is_new] = places_.try_emplace(id, rows_.size());
    if (is_new)
      rows_.push_back({id, version, std::move(line)});
    else if (version >= rows_[found->second].version)
      rows_[found->second] = {id, version, std::move(line)};
  }
  /// Adds the lines of a file that an earlier run wrote; lines that were cut off are passed over.
  void read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
      std::string id;
      int64_t version = -1;
      bool has_id = false;
      for (BodyMembers members(line); members.next();) {
        const auto value = members.value();
        if (members.name() == "_id" && value.size() >= 2) {
          id = unescape(value.substr(1, value.size() - 2));
          has_id = true;
        } else if (members.name() == "_version") {
          std::from_chars(value.data(), value.data() + value.size(), version);
        } else {
          break;
        }
      }
      if (has_id && line.ends_with('}')) put(id, version, line + "\n");
    }
    if (in.bad()) throw base::TransientError("can't read \"{}\"", path.string());
  }
  void merge(const Merged& newer) {
    for (const auto& row : newer.rows_) put(row.id, row.version, row.line);
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<Row> rows_;
};

struct Part {
  std::string buffer;
  std::unique_ptr<HiddenFile> file;
};

class FilesSink : public Sink {
 public:
  explicit FilesSink(const SinkContext& context)
      : root_(context.connections.data_dir),
        task_(file_name(context.dag_id + "." + context.task_id)),
        stop_(context.stop),
        unknown_fields_(context.unknown_fields) {
    // What belongs to no slice belongs to the run: a run that is repeated replaces its file.
    part_ = task_ + "-" + file_name(context.slice.empty() ? context.run_id : context.slice) + ".jsonl";
    if (context.purpose == Purpose::rejects) part_ = "rejects-" + part_;
  }

  void write(std::shared_ptr<const DocumentBatch> batch) override {
    for (const auto& entry : batch->entries) {
      line_.clear();
      make_line(batch->id(entry), entry.version, batch->body(entry));
      if (entry.version >= 0) {
        merged_[batch->index(entry)].put(std::string(batch->id(entry)), entry.version, line_);
        continue;
      }
      auto& part = parts_[batch->index(entry)];
      part.buffer += line_;
      buffered_ += line_.size();
      if (buffered_ > buffered_max) flush();
    }
  }

  void finish() override {
    flush();
    for (auto& [folder, part] : parts_) part.file->publish();
    parts_.clear();
    for (const auto& [folder, documents] : merged_) {
      const auto path = folder_of(folder);
      const FolderLock lock(path / ("." + task_ + ".lock"), stop_);
      const auto target = path / (task_ + ".jsonl");
      Merged all;
      all.read(target);
      all.merge(documents);
      HiddenFile file(target);
      std::string bytes;
      for (const auto& row : all.rows()) {
        bytes += row.line;
        if (bytes.size() > (1 << 20)) {
          file.append(bytes);
          bytes.clear();
        }
      }
      file.append(bytes);
      file.publish();
    }
    merged_.clear();
  }

 private:
  fs::path folder_of(const std::string& name) const {
    const auto path = (fs::path(root_) / name).lexically_normal();
    std::error_code error;
    fs::create_directories(path, error);
    if (error) fail(path.string(), error.value());
    return path;
  }

  void make_line(std::string_view id, int64_t version, std::string_view body) {
    line_ += "{\"_id\":";
    append_json_string(id, line_);
    if (version >= 0) line_ += fmt::format(",\"_version\":{}", version);
    const auto members = body.substr(1, body.size() - 2);
    if (unknown_fields_) {
      static const std::vector<std::string> taken = {"_id", "_version"};
      records::append_members(members, taken, line_);
    } else if (!members.empty()) {
      line_ += ',';
      line_ += members;
    }
    line_ += "}\n";
  }

  void flush() {
    for (auto& [folder, part] : parts_) {
      if (part.file == nullptr) part.file = std::make_unique<HiddenFile>(folder_of(folder) / part_);
      part.file->append(part.buffer);
      part.buffer.clear();
    }
    buffered_ = 0;
  }

  std::string root_, task_, part_;
  std::stop_token stop_;
  bool unknown_fields_;
  std::map<std::string, Part> parts_;  // by folder
  std::map<std::string, Merged> merged_;
  std::string line_;
  size_t buffered_ = 0;
};

const base::Keys& keys() {
  static const base::Keys keys = {
      "files",
      {{.name = "path",
        .type = base::ValueType::text,
        .summary = "a folder, relative to the data directory; may hold {event_time:%Y-%m-%d}",
        .required = true}}};
  return keys;
}

void check(const base::Node& parameters, base::Findings& findings) {
  const auto* path = parameters.find("path");
  if (path == nullptr || !path->is_text()) return;
  if (path->text.empty()) findings.error(path->span, "wrong_value", "\"path\" is empty");
  for (const auto* ending : {".jsonl", ".json", ".ndjson"})
    if (path->text.ends_with(ending))
      findings.error(path->span, "wrong_value",
                     fmt::format("\"path\" is a folder, and \"{}\" looks like a file", path->text),
                     "each slice writes a file of its own into the folder");
}

}  // namespace

SinkKind files_sink() {
  return {.name = "files",
          .summary = "JSON lines in a folder, a file a slice",
          .keys = keys(),
          .target_key = "path",
          .takes_id = true,
          .check = check,
          .make = [](const base::Node&, const SinkContext& context) -> std::unique_ptr<Sink> {
            return std::make_unique<FilesSink>(context);
          }};
}

}  // namespace tamis::sinks
