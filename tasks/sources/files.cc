// `files: {path: "data/*.jsonl"}`: JSON lines, JSON or CSV, plain or compressed, cut into slices of bytes.
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/records/csv.h"
#include "tasks/sources/file_lines.h"
#include "tasks/sources/source.h"

namespace tamis::sources {
namespace {

using base::Json;

enum class Format { jsonl, json, csv };

constexpr int64_t default_slice_bytes = 64 << 20;
/// A batch that holds so much ends early: the same in every attempt.
constexpr size_t batch_bytes = 32 << 20;

const base::Keys& keys() {
  static const base::Keys all{
      "files source",
      {{.name = "path",
        .type = base::ValueType::text,
        .summary = "files to read, with * ? [..]; relative to the DAG file",
        .required = true},
       {.name = "format",
        .type = base::ValueType::text,
        .summary = "jsonl: a record a line; json: an array of records or one object; csv: with a header",
        .one_of = {"jsonl", "json", "csv"},
        .default_text = "jsonl"},
       {.name = "slice_bytes",
        .type = base::ValueType::bytes,
        .summary = "bytes of a slice; compressed files and json are one slice",
        .min = 1,
        .default_text = "64MiB"}}};
  return all;
}

bool has_wildcard(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

std::string escaped_for_glob(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

struct FoundFile {
  int64_t size = 0;
  int64_t modified_ns = 0;
};

std::string full_path(const std::string& folder, const std::string& path) {
  return path.starts_with('/') ? path : folder + "/" + path;
}

/// The regular files that match, by their paths as the pattern has them, in the order of bytes.
std::map<std::string, FoundFile> find_files(const std::string& folder, const std::string& pattern) {
  std::map<std::string, FoundFile> out;
  const std::string prefix = pattern.starts_with('/') ? "" : folder + "/";
  glob_t found{};
  const int result = glob((escaped_for_glob(prefix) + pattern).c_str(), GLOB_NOSORT, nullptr, &found);
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, globfree);
  if (result == GLOB_NOMATCH) return out;
  if (result != 0) throw base::TransientError("the files \"{}\" can't be listed in \"{}\"", pattern, folder);
  for (size_t i = 0; i < found.gl_pathc; ++i) {
    struct stat info {};
    if (stat(found.gl_pathv[i], &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const std::string path = std::string(found.gl_pathv[i]).substr(prefix.size());
    try {
      (void)Json(path).dump();
    } catch (const Json::exception&) {
      throw base::UserError("a file that matches \"{}\" has a name that is not UTF-8; rename it", pattern);
    }
    out[path] = {info.st_size, static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec};
  }
  return out;
}

/// How many line ends stand before each of the places, which are ascending.
std::vector<int64_t> count_lines(const std::string& path, const std::vector<int64_t>& places) {
  std::vector<int64_t> out;
  if (places.size() < 2) return std::vector<int64_t>(places.size(), 0);
  base::FileStream stream(path);
  std::string buffer(1 << 20, '\0');
  int64_t at = 0, lines = 0;
  for (const int64_t place : places) {
    while (at < place) {
      const size_t n =
          stream.read(buffer.data(), static_cast<size_t>(std::min<int64_t>(place - at, 1 << 20)));
      if (n == 0) break;
      lines += std::count(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n), '\n');
      at += static_cast<int64_t>(n);
    }
    out.push_back(lines);
  }
  return out;
}

class FileReader : public Reader {
 public:
  FileReader(std::string path, const std::string& file, Format format, const Json& position, int64_t lookback)
      : file_(std::move(path)), shown_(file), start_(position.value("start", int64_t{0})) {
    const int64_t end = position.value("end", int64_t{0});
    if (format == Format::json) {
      cutter_ = std::make_unique<ArrayCutter>(file_);
      return;
    }
    const bool is_plain = base::encoding_of_file(file_) == base::Encoding::plain;
    std::optional<int64_t> limit;
    if (is_plain) {
      // What was appended since the run was planned belongs to the next one, which takes the file again.
      limit = position.value("_size", end);
      struct stat info {};
      if (stat(file_.c_str(), &info) == 0 && info.st_size < end && start_ < end)
        throw base::UserError(
            "the file \"{}\" has become shorter than it was when the run was planned; the next run takes it "
            "again",
            file);
    }
    if (format == Format::csv) read_header(limit);
    int64_t lines = position.value("_line", int64_t{0}), from = start_;
    if (is_plain && lookback > 0 && start_ > 0) {
      const LinesBefore before = lines_before(file_, start_, lines, lookback);
      from = before.offset;
      lines = before.lines;
    }
    cutter_ = std::make_unique<LineCutter>(file_, from, is_plain ? end : INT64_MAX, limit, lines);
  }

  bool read(records::RecordBatch& batch, size_t max, const std::stop_token& stop) override {
    batch.clear();
    auto owner = std::make_shared<std::vector<std::shared_ptr<FileBlock>>>();
    size_t bytes = 0;
    FileRecord record;
    while (batch.records.size() < max && bytes < batch_bytes) {
      if (stop.stop_requested()) throw base::TransientError("reading \"{}\" was stopped", shown_);
      if (!cutter_->next(record)) break;
      if (record.offset < header_end_) continue;
      if (owner->empty() || owner->back() != cutter_->block()) owner->push_back(cutter_->block());
      bytes += record.text.size();
      batch.records.push_back({.bytes = record.text,
                               .offset = record.offset,
                               .line = record.line,
                               .is_lookback = record.offset < start_});
    }
    batch.owner = std::move(owner);
    batch.padded = true;
    return !batch.records.empty();
  }

  Provenance provenance() const override {
    return {.before = "{\"file\":" + Json(shown_).dump() + ",\"line\":",
            .id_before = shown_ + "-",
            .by_line = true};
  }

  std::vector<std::string> csv_header() const override { return header_; }

 private:
  void read_header(std::optional<int64_t> limit) {
    LineCutter cutter(file_, 0, INT64_MAX, limit, 0);
    FileRecord line;
    if (!cutter.next(line)) return;
    records::CsvCells cells;
    if (!cells.split(line.text))
      throw base::UserError(
          "the header of \"{}\" is no line of CSV: a quote stands where none may, or is not closed", shown_);
    for (const auto cell : cells.cells) {
      header_.emplace_back(cell);
      try {
        (void)Json(header_.back()).dump();
      } catch (const Json::exception&) {
        throw base::UserError("the header of \"{}\" is not UTF-8", shown_);
      }
    }
    header_end_ = line.offset + 1;
  }

  const std::string file_, shown_;
  const int64_t start_;
  std::unique_ptr<RecordCutter> cutter_;
  std::vector<std::string> header_;
  int64_t header_end_ = 0;  ///< records begin at or after it
};

class Files : public Source {
 public:
  Files(const base::Node& parameters, const SourceContext& context)
      : folder_(context.folder),
        pattern_(base::text_at(parameters, "path")),
        slice_bytes_(std::max<int64_t>(1, base::bytes_at(parameters, "slice_bytes", default_slice_bytes))) {
    const auto format = base::text_at(parameters, "format", "jsonl");
    format_ = format == "json" ? Format::json : format == "csv" ? Format::csv : Format::jsonl;
  }

  Plan plan(const PlanRequest& request) override {
    const Json* taken =
        request.cursor.is_object() && request.cursor.contains("files") ? &request.cursor["files"] : nullptr;
    const auto found = find_files(folder_, pattern_);
    if (found.empty() && !has_wildcard(pattern_) && (taken == nullptr || !taken->contains(pattern_)))
      throw base::UserError("there is no file \"{}\" in \"{}\"", pattern_, folder_);
    Plan plan;
    Json files = taken != nullptr ? *taken : Json::object();
    for (const auto& [path, file] : found) {
      const Json* before = taken != nullptr && taken->contains(path) ? &(*taken)[path] : nullptr;
      const bool is_same = before != nullptr && before->value("size", int64_t{-1}) == file.size &&
                           before->value("modified_ns", int64_t{-1}) == file.modified_ns;
      if (is_same && !request.by_interval) continue;
      const auto starts = cut(plan, path, file);
      if (before != nullptr) void_former(plan, path, *before, starts);
      files[path] = {{"size", file.size},
                     {"modified_ns", file.modified_ns},
                     {"last_start", starts.empty() ? 0 : starts.back()},
                     {"slice_bytes", slice_bytes_}};
    }
    plan.cursor = request.by_interval ? request.cursor : Json{{"files", files}};
    return plan;
  }

  std::unique_ptr<Reader> open(const records::Slice& slice, int64_t lookback) override {
    const auto& at = slice.position;
    if (!at.is_object() || !at.contains("file") || !at["file"].is_string())
      throw base::UserError("a slice of files is {{file, start, end}}, not {}", at.dump());
    const auto file = at["file"].get<std::string>();
    return std::make_unique<FileReader>(full_path(folder_, file), file, format_, at, lookback);
  }

 private:
  /// Adds the slices of one file; returns where they start.
  std::vector<int64_t> cut(Plan& plan, const std::string& path, const FoundFile& file) const {
    const std::string full = full_path(folder_, path);
    std::vector<int64_t> starts;
    if (format_ == Format::json || base::encoding_of_file(full) != base::Encoding::plain) {
      starts = {0};
      plan.slices.push_back({{{"file", path}, {"start", 0}, {"end", file.size}}});
      return starts;
    }
    for (int64_t start = 0; start < file.size; start += slice_bytes_) starts.push_back(start);
    const auto lines = count_lines(full, starts);
    for (size_t i = 0; i < starts.size(); ++i)
      plan.slices.push_back({{{"file", path},
                              {"start", starts[i]},
                              {"end", std::min(file.size, starts[i] + slice_bytes_)},
                              {"_line", lines[i]},
                              {"_size", file.size}}});
    return starts;
  }

  /// Slices that the file had and has no more come again, empty, so that what they added to windows goes.
  static void void_former(Plan& plan, const std::string& path, const Json& before,
                          const std::vector<int64_t>& starts) {
    const int64_t step = std::max<int64_t>(1, before.value("slice_bytes", int64_t{1}));
    for (int64_t start = 0; start <= before.value("last_start", int64_t{0}); start += step)
      if (!std::binary_search(starts.begin(), starts.end(), start))
        plan.slices.push_back({{{"file", path}, {"start", start}, {"end", start}, {"_size", int64_t{0}}}});
  }

  const std::string folder_, pattern_;
  const int64_t slice_bytes_;
  Format format_ = Format::jsonl;
};

void check(const base::Node& parameters, base::Findings& findings) {
  const base::Node* path = parameters.find("path");
  if (path != nullptr && path->is_text() && path->text.empty())
    findings.error(path->span, "wrong_value", "\"path\" is empty", "path: \"data/*.jsonl\"");
}

}  // namespace

SourceKind files_source() {
  return {.name = "files",
          .summary = "JSON lines, JSON or CSV files, plain or compressed",
          .keys = keys(),
          .check = check,
          .make = [](const base::Node& parameters, const SourceContext& context) -> std::unique_ptr<Source> {
            return std::make_unique<Files>(parameters, context);
          }};
}

}  // namespace tamis::sources
