// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace taskgroup::metrics {

struct CounterFamily {
  Family declared;
  prometheus::Family<prometheus::Counter>* series = nullptr;
};

struct GaugeFamily {
  Family declared;
  prometheus::Family<prometheus::Gauge>* series = nullptr;
};

struct HistogramFamily {
  Family declared;
  prometheus::Family<prometheus::Histogram>* series = nullptr;
  std::vector<double> bounds;
};

namespace {

void check(const Family& family, const Values& values) {
  if (family.labels.size() != values.size())
    throw std::logic_error(family.name + " has " + std::to_string(family.labels.size())
                           + " labels, given were " + std::to_string(values.size()));
}

prometheus::Labels labels_of(const Family& family, const Values& values) {
  check(family, values);
  prometheus::Labels labels;
  for (std::size_t i = 0; i < values.size(); ++i)
    labels.emplace(family.labels[i], values[i]);
  return labels;
}

struct Sampled {
  Family declared;
  Type type = Type::gauge;
  std::function<std::vector<Sample>()> read;
};

prometheus::MetricFamily read_now(const Sampled& sampled) {
  prometheus::MetricFamily family;
  family.name = sampled.declared.name;
  family.help = sampled.declared.help;
  family.type = sampled.type == Type::counter ? prometheus::MetricType::Counter
                                              : prometheus::MetricType::Gauge;
  for (const Sample& sample : sampled.read()) {
    check(sampled.declared, sample.values);
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < sample.values.size(); ++i)
      metric.label.push_back({sampled.declared.labels[i], sample.values[i]});
    if (sampled.type == Type::counter)
      metric.counter.value = sample.value;
    else
      metric.gauge.value = sample.value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

} // namespace

std::vector<double> handover_bounds() {
  return {0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
}

std::vector<double> call_bounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

std::vector<double> start_bounds() {
  return {0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300, 600};
}

std::vector<double> work_bounds() {
  return {1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600};
}

void Counter::add(const Values& values, double amount) {
  if (m_family != nullptr)
    m_family->series->Add(labels_of(m_family->declared, values)).Increment(amount);
}

void Gauge::set(const Values& values, double value) {
  if (m_family != nullptr)
    m_family->series->Add(labels_of(m_family->declared, values)).Set(value);
}

void Gauge::add(const Values& values, double amount) {
  if (m_family != nullptr)
    m_family->series->Add(labels_of(m_family->declared, values)).Increment(amount);
}

void Histogram::observe(const Values& values, double value) {
  if (m_family != nullptr)
    m_family->series->Add(labels_of(m_family->declared, values), m_family->bounds)
        .Observe(std::max(value, 0.0));
}

struct Registry::Inside {
  prometheus::Registry prometheus{prometheus::Registry::InsertBehavior::Throw};
  mutable std::mutex mutex; // of all below
  std::map<std::string, Declared> declared;
  // By name; maps never move what is in them, so that handles stay valid.
  std::map<std::string, CounterFamily> counters;
  std::map<std::string, GaugeFamily> gauges;
  std::map<std::string, HistogramFamily> histograms;
  std::map<std::string, Sampled> sampled;

  void declare(const Family& family, Type type) {
    if (!declared.try_emplace(family.name, Declared{family, type}).second)
      throw std::logic_error("metrics: " + family.name + " was declared before");
  }
};

Registry::Registry() : m_inside(std::make_unique<Inside>()) {}

Registry::~Registry() = default;

Counter Registry::counter(Family family) {
  const std::scoped_lock lock(m_inside->mutex);
  m_inside->declare(family, Type::counter);
  CounterFamily& kept = m_inside->counters[family.name];
  kept.series = &prometheus::BuildCounter()
                     .Name(family.name)
                     .Help(family.help)
                     .Register(m_inside->prometheus);
  kept.declared = std::move(family);
  if (kept.declared.labels.empty())
    kept.series->Add({}); // it is there from the start
  return Counter(kept);
}

Gauge Registry::gauge(Family family) {
  const std::scoped_lock lock(m_inside->mutex);
  m_inside->declare(family, Type::gauge);
  GaugeFamily& kept = m_inside->gauges[family.name];
  kept.series =
      &prometheus::BuildGauge().Name(family.name).Help(family.help).Register(m_inside->prometheus);
  kept.declared = std::move(family);
  return Gauge(kept);
}

Histogram Registry::histogram(Family family, std::vector<double> bounds) {
  const std::scoped_lock lock(m_inside->mutex);
  m_inside->declare(family, Type::histogram);
  HistogramFamily& kept = m_inside->histograms[family.name];
  kept.series = &prometheus::BuildHistogram()
                     .Name(family.name)
                     .Help(family.help)
                     .Register(m_inside->prometheus);
  kept.declared = std::move(family);
  kept.bounds = std::move(bounds);
  if (kept.declared.labels.empty())
    kept.series->Add({}, kept.bounds);
  return Histogram(kept);
}

void Registry::sample(Family family, Type type, std::function<std::vector<Sample>()> read) {
  if (type == Type::histogram)
    throw std::logic_error("metrics: " + family.name + ": a histogram cannot be sampled");
  const std::scoped_lock lock(m_inside->mutex);
  m_inside->declare(family, type);
  const std::string name = family.name;
  m_inside->sampled.emplace(name, Sampled{std::move(family), type, std::move(read)});
}

std::string Registry::text() const {
  std::vector<prometheus::MetricFamily> families = m_inside->prometheus.Collect();
  {
    const std::scoped_lock lock(m_inside->mutex);
    for (const auto& [name, sampled] : m_inside->sampled)
      families.push_back(read_now(sampled));
  }
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  // Within a family too: what is the same twice reads the same twice.
  std::sort(families.begin(), families.end(),
            [](const auto& one, const auto& other) { return one.name < other.name; });
  for (prometheus::MetricFamily& family : families)
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& one, const auto& other) { return one.label < other.label; });
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<Declared> Registry::declared() const {
  const std::scoped_lock lock(m_inside->mutex);
  std::vector<Declared> all;
  for (const auto& [name, declared] : m_inside->declared)
    all.push_back(declared);
  return all;
}

} // namespace taskgroup::metrics
