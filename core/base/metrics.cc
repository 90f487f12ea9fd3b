#include "core/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace tamis::base {
namespace {

prometheus::Registry& registry() {
  static prometheus::Registry instance;
  return instance;
}

void update_process_metrics() {
  static Gauge memory = gauge("process_resident_memory_bytes", "memory in use");
  static Gauge cpu = gauge("process_cpu_seconds", "user and system time used since the start");
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  memory.set(static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  cpu.set(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

}  // namespace

void Counter::add(double n) {
  static_cast<prometheus::Counter*>(counter_)->Increment(n);
}
void Gauge::set(double value) {
  static_cast<prometheus::Gauge*>(gauge_)->Set(value);
}
void Histogram::observe(double seconds) {
  static_cast<prometheus::Histogram*>(histogram_)->Observe(seconds);
}

Counter counter(const std::string& name, const std::string& summary, const Labels& labels) {
  return Counter(&prometheus::BuildCounter().Name(name).Help(summary).Register(registry()).Add(labels));
}

Gauge gauge(const std::string& name, const std::string& summary, const Labels& labels) {
  return Gauge(&prometheus::BuildGauge().Name(name).Help(summary).Register(registry()).Add(labels));
}

Histogram histogram(const std::string& name, const std::string& summary, const Labels& labels) {
  const prometheus::Histogram::BucketBoundaries bounds{0.001, 0.003, 0.01, 0.03, 0.1, 0.3,
                                                       1,     3,     10,   30,   100, 300};
  return Histogram(
      &prometheus::BuildHistogram().Name(name).Help(summary).Register(registry()).Add(labels, bounds));
}

std::string metrics_text() {
  update_process_metrics();
  return prometheus::TextSerializer().Serialize(registry().Collect());
}

}  // namespace tamis::base
