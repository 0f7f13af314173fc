// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskgroup::cluster {

// On SIGINT and SIGTERM from here on: take a progress line off the terminal, print `words` (one
// line, without its break; on standard error) and end with 130 or 143. What runs on the cluster
// goes on. Belongs to the main thread; a later call replaces the words.
void end_on_interrupt(const std::string& words);

} // namespace taskgroup::cluster
