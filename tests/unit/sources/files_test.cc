#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/compression.h"
#include "core/base/error.h"
#include "core/base/yaml.h"
#include "tasks/sources/file_lines.h"
#include "tasks/sources/source.h"

namespace tamis::sources {
namespace {

class FilesSource : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tamis-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }

  std::unique_ptr<Source> source(const std::string& yaml) {
    base::Findings findings;
    const auto node = base::parse_yaml(yaml, findings).at(0);
    const SourceKind* kind = find_source("files");
    EXPECT_TRUE(base::check(node, kind->keys, findings)) << findings.text("test", yaml);
    return kind->make(node, {.folder = folder_.string()});
  }

  static std::vector<std::string> slices(const Plan& plan) {
    std::vector<std::string> out;
    for (const auto& slice : plan.slices) out.push_back(slice.shown().dump());
    return out;
  }

  /// `offset:line text` of each record of a slice, `<` before those of the lookback.
  static std::vector<std::string> records(Source& source, const records::Slice& slice, int64_t lookback = 0,
                                          size_t max = 3) {
    std::vector<std::string> out;
    const auto reader = source.open(slice, lookback);
    records::RecordBatch batch;
    while (reader->read(batch, max, {})) {
      EXPECT_LE(batch.records.size(), max);
      for (const auto& r : batch.records)
        out.push_back((r.is_lookback ? "<" : "") + std::to_string(r.offset) + ":" + std::to_string(r.line) +
                      " " + std::string(r.bytes.substr(0, 40)));
    }
    EXPECT_FALSE(reader->read(batch, max, {}));
    return out;
  }

  static std::vector<std::string> all_records(Source& source) {
    std::vector<std::string> out;
    for (const auto& slice : source.plan({}).slices)
      for (auto& record : records(source, slice)) out.push_back(std::move(record));
    return out;
  }

  std::filesystem::path folder_;
};

using Texts = std::vector<std::string>;

TEST_F(FilesSource, CutsLinesIntoSlicesOfBytes) {
  const std::string text =
      "\xef\xbb\xbf{\"v\":1}\r\n{\"v\":2}\n\r\n{\"v\":3,\"x\":\"0123456789012345678901234567890123456789\"}"
      "\r\n  \r\n4\n5";
  write("in.jsonl", text);
  const auto files = source("{path: in.jsonl, slice_bytes: 16}");
  const auto plan = files->plan({});
  ASSERT_EQ(plan.slices.size(), (text.size() + 15) / 16);
  EXPECT_EQ(plan.slices[0].shown().dump(), R"({"file":"in.jsonl","start":0,"end":16})");
  EXPECT_EQ(plan.slices[1].name(), "in.jsonl-16");
  EXPECT_EQ(records(*files, plan.slices[0]), (Texts{"3:1 {\"v\":1}", "12:2 {\"v\":2}"}));
  EXPECT_EQ(records(*files, plan.slices[1]), (Texts{"22:4 {\"v\":3,\"x\":\"0123456789012345678901234567"}));
  const Texts whole = {"3:1 {\"v\":1}", "12:2 {\"v\":2}",
                       "22:4 {\"v\":3,\"x\":\"0123456789012345678901234567", "82:6 4", "84:7 5"};
  EXPECT_EQ(all_records(*files), whole);
  for (int bytes = 1; bytes <= 90; ++bytes)
    EXPECT_EQ(all_records(*source("{path: in.jsonl, slice_bytes: " + std::to_string(bytes) + "}")), whole)
        << bytes;
  const auto reader = files->open(plan.slices[0], 0);
  EXPECT_EQ(reader->provenance().before, R"({"file":"in.jsonl","line":)");
  EXPECT_EQ(reader->provenance().id_before, "in.jsonl-");
}

TEST_F(FilesSource, LooksBackByRecordsAcrossBlankLines) {
  write("in.jsonl", "a1\nb2\n\n  \nc3\nd4-is-long\ne5\n");
  const auto files = source("{path: in.jsonl, slice_bytes: 18}");
  const auto plan = files->plan({});
  ASSERT_EQ(plan.slices.size(), 2u);
  EXPECT_EQ(records(*files, plan.slices[1], 2), (Texts{"<10:5 c3", "<13:6 d4-is-long", "24:7 e5"}));
  EXPECT_EQ(records(*files, plan.slices[1], 3),
            (Texts{"<3:2 b2", "<10:5 c3", "<13:6 d4-is-long", "24:7 e5"}));
  EXPECT_EQ(records(*files, plan.slices[1], 99).size(), 5u);
  EXPECT_EQ(records(*files, plan.slices[0], 99), (Texts{"0:1 a1", "3:2 b2", "10:5 c3", "13:6 d4-is-long"}));
  for (int64_t bytes = 1; bytes < 27; ++bytes) {
    const auto cut = source("{path: in.jsonl, slice_bytes: " + std::to_string(bytes) + "}");
    for (const auto& slice : cut->plan({}).slices) {
      const auto own = records(*cut, slice), more = records(*cut, slice, 1);
      const bool is_first = own.size() == more.size();
      EXPECT_EQ(Texts(more.begin() + (is_first ? 0 : 1), more.end()), own) << slice.position.dump();
      if (slice.position["start"] > 0) {
        ASSERT_FALSE(is_first) << slice.position.dump();
        EXPECT_TRUE(more[0].starts_with("<"));
      }
    }
  }
}

TEST_F(FilesSource, TakesFilesInTheOrderOfTheirPathsAndOnlyOnce) {
  write("data/b.jsonl", "1\n");
  write("data/a.jsonl", "2\n");
  write("data/c.txt", "3\n");
  const auto files = source("{path: \"data/*.jsonl\"}");
  auto plan = files->plan({});
  EXPECT_EQ(slices(plan), (Texts{R"({"file":"data/a.jsonl","start":0,"end":2})",
                                 R"({"file":"data/b.jsonl","start":0,"end":2})"}));
  EXPECT_TRUE(files->plan({.cursor = plan.cursor}).slices.empty());
  write("data/0.jsonl", "0\n");
  plan = files->plan({.cursor = plan.cursor});
  EXPECT_EQ(slices(plan), (Texts{R"({"file":"data/0.jsonl","start":0,"end":2})"}));
  EXPECT_EQ(files->plan({.cursor = plan.cursor, .by_interval = true}).slices.size(), 3u);
}

TEST_F(FilesSource, AChangedFileComesAgainWithItsFormerSlicesEmptied) {
  write("a.jsonl", "1\n2\n3\n4\n");
  const auto files = source("{path: a.jsonl, slice_bytes: 2}");
  auto plan = files->plan({});
  EXPECT_EQ(plan.slices.size(), 4u);
  write("a.jsonl", "1\n22\n");
  plan = files->plan({.cursor = plan.cursor});
  EXPECT_EQ(slices(plan),
            (Texts{R"({"file":"a.jsonl","start":0,"end":2})", R"({"file":"a.jsonl","start":2,"end":4})",
                   R"({"file":"a.jsonl","start":4,"end":5})", R"({"file":"a.jsonl","start":6,"end":6})"}));
  EXPECT_EQ(records(*files, plan.slices[3]), Texts{});
  EXPECT_EQ(records(*files, plan.slices[1]), Texts{"2:2 22"});
}

TEST_F(FilesSource, WhatWasAppendedLaterIsLeftToTheNextRun) {
  write("a.jsonl", "1\n2");
  const auto files = source("{path: a.jsonl}");
  const auto plan = files->plan({});
  write("a.jsonl", "1\n23\n4\n");
  EXPECT_EQ(records(*files, plan.slices[0]), (Texts{"0:1 1", "2:2 2"}));
  write("a.jsonl", "1");
  EXPECT_THROW(files->open(plan.slices[0], 0), base::UserError);
}

TEST_F(FilesSource, CompressedFilesAreOneSlice) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "{\"v\":" + std::to_string(i) + "}\n";
  write("a.jsonl.gz",
        base::gzip_compress(text.substr(0, 1000), 1) + base::gzip_compress(text.substr(1000), 9));
  // A zstd frame of blocks that are stored as they are (RFC 8878).
  std::string packed("\x28\xb5\x2f\xfd\x00\x58", 6);
  for (size_t at = 0; at < text.size(); at += 100000) {
    const size_t size = std::min<size_t>(100000, text.size() - at);
    const size_t header = size << 3 | (at + size == text.size() ? 1 : 0);
    for (int shift = 0; shift < 24; shift += 8) packed += static_cast<char>(header >> shift & 0xFF);
    packed += text.substr(at, size);
  }
  write("b.jsonl.zst", packed);
  const auto files = source("{path: \"*.jsonl*\", slice_bytes: 100}");
  const auto plan = files->plan({});
  ASSERT_EQ(plan.slices.size(), 2u);
  for (const auto& slice : plan.slices) {
    const auto all = records(*files, slice, 5, 1000);
    ASSERT_EQ(all.size(), 20000u);
    EXPECT_EQ(all[19999], std::to_string(text.size() - 12) + ":20000 {\"v\":19999}");
  }
  for (const auto& name : {"a.jsonl.gz", "b.jsonl.zst"}) {
    std::filesystem::resize_file(folder_ / name, std::filesystem::file_size(folder_ / name) - 9);
    const auto cut = source(std::string("{path: ") + name + "}");
    EXPECT_THROW(records(*cut, cut->plan({}).slices[0]), base::UserError) << name;
  }
}

TEST_F(FilesSource, ReadsAnArrayOrOneObject) {
  write("a.json", "[\n  {\"a\": \"]},\\\"\"},\n  {\"b\":\n [1]}, 5, [1, 2] , \"x\"\n]\n");
  write("b.json", "\xef\xbb\xbf {\"a\": 1} ");
  write("c.json", " [ ] ");
  const auto files = source("{path: \"*.json\", format: json, slice_bytes: 3}");
  const auto plan = files->plan({});
  EXPECT_EQ(slices(plan).at(2), R"({"file":"c.json","start":0,"end":5})");
  EXPECT_EQ(records(*files, plan.slices[0]), (Texts{"4:2 {\"a\": \"]},\\\"\"}", "22:3 {\"b\":\n [1]}",
                                                    "35:4 5", "38:4 [1, 2]", "47:4 \"x\""}));
  EXPECT_EQ(records(*files, plan.slices[1]), (Texts{"4:1 {\"a\": 1}"}));
  EXPECT_EQ(records(*files, plan.slices[2]), Texts{});
  for (const auto* bad : {"", "  ", "5", "[1", "[1,", "[1,]", "[,1]", "[1] 2", "{\"a\":1", "{\"a\":1} {}",
                          "[{]}", "[\"a]", "[1}", "{\"a\\"}) {
    write("bad.json", bad);
    const auto one = source("{path: bad.json, format: json}");
    EXPECT_THROW(all_records(*one), base::UserError) << bad;
  }
}

TEST_F(FilesSource, TheHeaderOfCsvIsNoRecordInAnySlice) {
  write("a.csv", "\xef\xbb\xbf\n\"sensor, id\",v\n\na,1\nb,2\nc,3\n");
  for (int bytes = 1; bytes < 40; ++bytes) {
    const auto files = source("{path: a.csv, format: csv, slice_bytes: " + std::to_string(bytes) + "}");
    EXPECT_EQ(all_records(*files), (Texts{"20:4 a,1", "24:5 b,2", "28:6 c,3"})) << bytes;
    const auto plan = files->plan({});
    EXPECT_EQ(files->open(plan.slices.back(), 0)->csv_header(), (Texts{"sensor, id", "v"}));
    EXPECT_EQ(records(*files, plan.slices.back(), 99).size(), 3u);
  }
  write("bad.csv", "a,\"b\n1,2\n");
  const auto bad = source("{path: bad.csv, format: csv}");
  EXPECT_THROW(bad->open(bad->plan({}).slices[0], 0), base::UserError);
}

TEST_F(FilesSource, AnEndlessLineIsCutOff) {
  {
    std::ofstream out(folder_ / "long.jsonl", std::ios::binary);
    out << "1\n";
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 70; ++i) out << piece;
    out << "\n2\n";
  }
  const auto files = source("{path: long.jsonl, slice_bytes: 1GiB}");
  const auto reader = files->open(files->plan({}).slices.at(0), 0);
  records::RecordBatch batch;
  std::vector<size_t> sizes;
  std::vector<int64_t> lines;
  while (reader->read(batch, 100, {}))
    for (const auto& record : batch.records) {
      sizes.push_back(record.bytes.size());
      lines.push_back(record.line);
    }
  EXPECT_EQ(sizes, (std::vector<size_t>{1, longest_record, 1}));
  EXPECT_EQ(lines, (std::vector<int64_t>{1, 2, 3}));
}

TEST_F(FilesSource, SaysWhichFileIsNotThere) {
  EXPECT_THROW(source("{path: none.jsonl}")->plan({}), base::UserError);
  EXPECT_TRUE(source("{path: \"*.none\"}")->plan({}).slices.empty());
}

}  // namespace
}  // namespace tamis::sources
