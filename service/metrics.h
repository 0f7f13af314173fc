// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// What a program tells Prometheus. A program has one Registry, declares every family of metrics in
// it at its start, and serves text() on its admin port. docs/metrics.md lists all names; a test
// compares it with what is declared.
//
// Rules of names (the field's, and promtool's): base units (seconds, bytes, cores), counters end in
// `_total`, and label values come from closed sets: never the name of a run, a pod or a namespace.
namespace taskgroup::metrics {

// What a family is, for people and for Prometheus.
struct Family {
  std::string name;
  std::string help; // whole sentences
  std::vector<std::string> labels;
};

// Label values of one series, in the order of Family::labels. As many as there are labels;
// otherwise std::logic_error.
using Values = std::vector<std::string>;

// One series of a family that is read when it is scraped.
struct Sample {
  Values values;
  double value = 0;
};

enum class Type { counter, gauge, histogram };

struct Declared {
  Family family;
  Type type = Type::counter;
};

// Upper bounds of histograms in seconds, by what they measure.
std::vector<double> handover_bounds(); // 1 ms to 10 s: one process tells another
std::vector<double> call_bounds();     // 1 ms to 30 s: requests over the network, and what they do
std::vector<double> start_bounds();    // 100 ms to 10 min: until a pod runs
std::vector<double> work_bounds();     // 1 s to 6 h: what users run

struct CounterFamily;
struct GaugeFamily;
struct HistogramFamily;

// Families of one kind. Handles may be copied and are valid as long as their registry; any thread
// may call any member. One that came from no registry counts nothing.
class Counter {
public:
  Counter() = default;
  explicit Counter(CounterFamily& family) : m_family(&family) {}

  // Add to one series. Zero lets it be seen before anything happened, so that rate() sees the first
  // event; a negative amount adds nothing.
  void add(const Values& values = {}, double amount = 1);

private:
  CounterFamily* m_family = nullptr;
};

class Gauge {
public:
  Gauge() = default;
  explicit Gauge(GaugeFamily& family) : m_family(&family) {}

  void set(const Values& values, double value);
  void add(const Values& values, double amount); // which may be negative

private:
  GaugeFamily* m_family = nullptr;
};

class Histogram {
public:
  Histogram() = default;
  explicit Histogram(HistogramFamily& family) : m_family(&family) {}

  // A negative value (the clocks of two machines) counts as 0.
  void observe(const Values& values, double value);

private:
  HistogramFamily* m_family = nullptr;
};

// Everything that a program exports. Any thread may call any member; declare each name once
// (std::logic_error otherwise).
class Registry {
public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter counter(Family family);
  Gauge gauge(Family family);
  Histogram histogram(Family family, std::vector<double> bounds);

  // Ask `read` for the family's series whenever it is scraped, from the server's thread. What it
  // captures must outlive the registry, or be guarded by the caller.
  void sample(Family family, Type type, std::function<std::vector<Sample>()> read);

  // Return all series in Prometheus' text format (version 0.0.4), sorted by name.
  std::string text() const;

  // Return what was declared, sorted by name.
  std::vector<Declared> declared() const;

private:
  struct Inside;
  std::unique_ptr<Inside> m_inside;
};

// --- What every server exports ---

// taskgroup_build_info: 1, with the version of this build as a label.
void add_build_info(Registry& registry);

// process_*, as every client library of Prometheus has them, from /proc/self. What cannot be read
// is left out.
void add_process_metrics(Registry& registry);

// Return the rows of docs/metrics.md for what is declared: a Markdown table.
std::string metrics_table(const Registry& registry);

// Return the part of a document between the lines `<!-- begin SECTION -->` and `<!-- end SECTION
// -->`, without these; empty: there is none. The test of each program compares it with
// metrics_table().
std::string document_section(std::string_view document, std::string_view section);

} // namespace taskgroup::metrics
