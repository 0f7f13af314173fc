// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/images.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace taskgroup::containers {

namespace {

using nlohmann::json;

std::vector<std::string> strings(const json& object, const char* key) {
  std::vector<std::string> result;
  for (const json& item : object.value(key, json())) { // null has no items
    if (item.is_string())
      result.push_back(item.get<std::string>());
  }
  return result;
}

std::optional<Image> read_image(const std::string& text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array() || list.empty() || !list[0].is_object() || !list[0].contains("Id")) {
    return std::nullopt;
  }
  Image image;
  image.id = list[0].value("Id", "");
  if (const json config = list[0].value("Config", json()); config.is_object()) {
    image.entrypoint = strings(config, "Entrypoint");
    image.cmd = strings(config, "Cmd");
    image.user = config.value("User", "");
  }
  return image;
}

} // namespace

PullPolicy pull_policy(std::string_view text) {
  if (text == "Always")
    return PullPolicy::always;
  return text == "Never" ? PullPolicy::never : PullPolicy::if_not_present;
}

ImageSearch::ImageSearch(const Dialect& dialect, std::string image, PullPolicy policy)
    : m_dialect(dialect), m_image(std::move(image)), m_policy(policy) {
  if (policy == PullPolicy::always) {
    pull();
  } else {
    look(Step::look, m_image);
  }
}

void ImageSearch::look(Step step, const std::string& name) {
  m_step = step;
  m_command = Command{m_dialect.program(), "image", "inspect", name};
}

void ImageSearch::pull() {
  m_step = Step::pull;
  m_command = Command{m_dialect.program(), "pull", "--quiet", m_dialect.pulled_name(m_image)};
}

void ImageSearch::end(tl::expected<Image, std::string> result) {
  m_step = Step::over;
  m_command.reset();
  m_result = std::move(result);
}

void ImageSearch::take(const Finished& finished) {
  if (m_step == Step::pull) {
    if (finished.code == 0) {
      look(Step::look_again, m_dialect.pulled_name(m_image));
    } else {
      end(tl::make_unexpected(fmt::format("{} cannot pull the image \"{}\": {}",
                                          m_dialect.program(), m_image,
                                          last_line(finished.errors))));
    }
    return;
  }
  if (finished.code == 0) {
    if (auto image = read_image(finished.output)) {
      end(std::move(*image));
    } else {
      end(tl::make_unexpected(fmt::format("what {} says of the image \"{}\" cannot be read",
                                          m_dialect.program(), m_image)));
    }
  } else if (m_step == Step::look && m_policy == PullPolicy::if_not_present) {
    pull();
  } else {
    const char* why = m_policy == PullPolicy::never
                          ? " and is not pulled, for its imagePullPolicy is Never"
                          : ", though it was pulled";
    end(tl::make_unexpected(fmt::format("{} has no image \"{}\"{}: {}", m_dialect.program(),
                                        m_image, why, last_line(finished.errors))));
  }
}

} // namespace taskgroup::containers
