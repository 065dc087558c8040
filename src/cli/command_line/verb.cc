#include "cli/command_line/verb.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "runner/duration.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

// "16k" -> 16384; nothing if it is not a size.
std::optional<uint64_t> ParseSize(const std::string& text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc()) return std::nullopt;
  if (stop == end) return number;
  if (stop + 1 != end) return std::nullopt;
  const std::string units = "kmg";
  const size_t unit = units.find(static_cast<char>(*stop | 0x20));
  if (unit == std::string::npos) return std::nullopt;
  const unsigned shift = 10 * static_cast<unsigned>(unit + 1);
  if (number > UINT64_MAX >> shift) return std::nullopt;
  return number << shift;
}

// A number of seconds, possibly fractional; nothing if it is not a number, or too large.
std::optional<double> ParseSeconds(const std::string& text, bool zero) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(seconds >= 0 && seconds <= runner::kMostSeconds)) {
    return std::nullopt;
  }
  if (seconds == 0 && !zero) return std::nullopt;
  return seconds;
}

}  // namespace

Option& Option::Short(std::string text) {
  short_name = std::move(text);
  return *this;
}
Option& Option::Alias(std::string text) {
  aliases.push_back(std::move(text));
  return *this;
}
Option& Option::ShowDefault() { return ShowDefault(initial); }
Option& Option::ShowDefault(std::string text) {
  fallback = std::move(text);
  return *this;
}
Option& Option::Offer(std::vector<std::string> texts) {
  choices = std::move(texts);
  return *this;
}
Option& Option::Needs(std::string option) {
  needs.push_back(std::move(option));
  return *this;
}
Option& Option::Excludes(std::string option) {
  excludes.push_back(std::move(option));
  return *this;
}
Option& Option::Check(CheckValue check) {
  checks.push_back(std::move(check));
  return *this;
}
Option& Option::Complete(Completion what) {
  completion = what;
  return *this;
}
Option& Option::Syntax(std::string text) {
  syntax = std::move(text);
  return *this;
}
Option& Option::NotBlank(const std::string& error) {
  syntax = "word " + error;
  return Check([error](const std::string& text) {
    return text.find_first_not_of(" \t\n") == std::string::npos ? error : std::string();
  });
}
Option& Option::Required() {
  required = true;
  return *this;
}
Option& Option::Hide() {
  hidden = true;
  return *this;
}
Option& Option::ValueIfAlone(std::string text) {
  alone = std::move(text);
  return *this;
}

Option& Verb::Add(Option option) {
  if (option.group.empty()) option.group = group_;
  return options.emplace_back(std::move(option));
}

Option& Verb::Flag(const std::string& option, bool* target, const std::string& help) {
  return Add({.name = option, .value = "", .help = help, .set = [target](const auto&) {
                *target = true;
              }});
}

Option& Verb::Text(const std::string& option, const std::string& value, std::string* target,
                   const std::string& help) {
  return Add({.name = option,
              .value = value,
              .help = help,
              .initial = *target,
              .set = [target](const auto& values) { *target = values.back(); }});
}

Option& Verb::Texts(const std::string& option, const std::string& value,
                    std::vector<std::string>* target, const std::string& help) {
  return Add({.name = option,
              .value = value,
              .help = help,
              .count = Option::Count::kRepeated,
              .initial = absl::StrJoin(*target, " "),
              .set = [target](const auto& values) { *target = values; }});
}

Option& Verb::Argument(const std::string& argument, std::string* target, const std::string& help) {
  return Add({.name = argument, .value = argument, .help = help, .set = [target](const auto& v) {
                *target = v.back();
              }});
}

Option& Verb::Arguments(const std::string& argument, std::vector<std::string>* target,
                        const std::string& help) {
  return Add({.name = argument,
              .value = argument,
              .help = help,
              .count = Option::Count::kList,
              .set = [target](const auto& values) { *target = values; }});
}

Option& Verb::Choice(const std::string& option, const std::vector<std::string>& choices,
                     std::string* target, const std::string& help) {
  Option& made = Text(option, absl::StrJoin(choices, "|"), target, help);
  made.choices = choices;
  made.syntax = "choice " + absl::StrJoin(choices, "|");
  return made.Check([choices](const std::string& text) -> std::string {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
    return "there is no '" + text + "': use " + absl::StrJoin(choices, ", ");
  });
}

Option& Verb::Seconds(const std::string& option, const std::string& value, double* target,
                      bool zero, const std::string& help) {
  return Add({.name = option,
              .value = value,
              .help = help,
              .initial = absl::StrFormat("%g", *target),
              .set =
                  [=](const auto& values) {
                    *target = ParseSeconds(values.back(), zero).value_or(*target);
                  },
              .syntax = zero ? "seconds" : "seconds+"})
      .Check([=](const std::string& text) {
        return ParseSeconds(text, zero)
                   ? std::string()
                   : "'" + text + "' is not a number of seconds" + (zero ? "" : " above 0");
      });
}

Option& Verb::Time(const std::string& option, double* seconds, const std::string& help) {
  return Add(
      {.name = option,
       .value = "TIME",
       .help = help,
       .initial = runner::TimeText(*seconds),
       .set = [=](const auto& values) { *seconds = runner::ParseTime(option, values.back()); },
       .syntax = "time"});
}

Option& Verb::AddNumber(const std::string& option, const std::string& value, uint64_t least,
                        uint64_t most, const std::string& help, std::function<void(uint64_t)> set) {
  return Add({.name = option,
              .value = value,
              .help = help,
              .set =
                  [set = std::move(set)](const auto& values) {
                    set(std::strtoull(values.back().c_str(), nullptr, 10));
                  },
              .syntax = "number " + std::to_string(least) + " " + std::to_string(most)})
      .Check(runner::WholeNumber(least, most));
}

Option& Verb::AddSize(const std::string& option, uint64_t least, uint64_t most,
                      const std::string& help, std::function<void(uint64_t)> set) {
  return Add({.name = option,
              .value = "SIZE",
              .help = help,
              .set = [set = std::move(set)](
                         const auto& values) { set(ParseSize(values.back()).value_or(0)); },
              .syntax = "size " + std::to_string(least) + " " + std::to_string(most)})
      .Check([=](const std::string& text) -> std::string {
        const std::optional<uint64_t> bytes = ParseSize(text);
        if (bytes && *bytes >= least && *bytes <= most) return "";
        return "'" + text + "' is not a number of bytes from " + std::to_string(least) + " to " +
               std::to_string(most) + " (16k, 1m)";
      });
}

std::vector<std::string> SplitList(const std::string& list) {
  return absl::StrSplit(list, ',', absl::SkipEmpty());
}

}  // namespace resprobe::cli
