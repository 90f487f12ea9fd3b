// Every number that the programs export, made by name; served as Prometheus text by core/http's status
// server. Labels never hold ids.  Thread-safe; a Counter or Gauge is looked up once and kept.
#pragma once
#include <map>
#include <string>

namespace tamis::base {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  explicit Counter(void* counter) : counter_(counter) {}
  void add(double n = 1);

 private:
  void* counter_;
};

class Gauge {
 public:
  explicit Gauge(void* gauge) : gauge_(gauge) {}
  void set(double value);

 private:
  void* gauge_;
};

class Histogram {
 public:
  explicit Histogram(void* histogram) : histogram_(histogram) {}
  void observe(double seconds);

 private:
  void* histogram_;
};

/// `name` ends in `_total`; `summary` is the HELP line, the same for all labels of a name.
Counter counter(const std::string& name, const std::string& summary, const Labels& labels = {});
Gauge gauge(const std::string& name, const std::string& summary, const Labels& labels = {});
/// Seconds, from 1 ms to 5 min.
Histogram histogram(const std::string& name, const std::string& summary, const Labels& labels = {});

/// The Prometheus text format, process memory and CPU seconds included.
std::string metrics_text();

}  // namespace tamis::base
