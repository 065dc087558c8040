#ifndef RESPROBE_ENGINE_OPS_TEXT_H_
#define RESPROBE_ENGINE_OPS_TEXT_H_

// The `.ops` text: a case that people can read, edit and commit.
//
//   ops command_handler                 the harness
//   config clients=2 audit=yes
//   call client=0 SET k1 "a b"          one op per line: kind, fields, then the tail
//   advance ms=1000                     # a comment
//
// Words are bare or quoted as in redis-cli. Fields may be omitted; they are then 0, no, or the
// first name of their enum. Parse(Print(ops)) == ops.

#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/fields.h"
#include "engine/op.h"
#include "engine/quote.h"

namespace resprobe {
namespace ops_text {

// Appends " name=value" for fixed fields and the words of the tail.
class FieldPrinter {
 public:
  explicit FieldPrinter(std::string* out) : out_(out) {}

  void operator()(std::string_view name, const bool& field) { Put(name, field ? "yes" : "no"); }
  void operator()(std::string_view name, const Index& field) {
    Put(name, std::to_string(field.value));
  }
  void operator()(std::string_view name, const Count& field) {
    Put(name, field.value == 0 ? "all" : std::to_string(field.value));
  }
  void operator()(std::string_view name, const Number& field) {
    Put(name, std::to_string(field.value));
  }
  template <NamedEnum E>
  void operator()(std::string_view name, const E& field) {
    Put(name, EnumNames(E{})[static_cast<size_t>(field)]);
  }
  void operator()(std::string_view, const Text& field) { Word(field.bytes); }
  void operator()(std::string_view, const Args& field) {
    for (const std::string_view word : field.words) Word(word);
  }

 private:
  void Put(std::string_view name, std::string_view value) {
    *out_ += ' ';
    *out_ += name;
    *out_ += '=';
    *out_ += value;
  }
  void Word(std::string_view word) {
    *out_ += ' ';
    AppendWord(out_, word);
  }

  std::string* out_;
};

// A word of a line after its first, and whether it was quoted.
struct Word {
  std::string text;
  bool quoted;
};

// Parses fields from words; error() holds the first error.
class FieldParser {
 public:
  FieldParser(const std::vector<Word>& words, Arena* arena) : words_(words), arena_(arena) {}

  void operator()(std::string_view name, bool& field) {
    const std::optional<std::string_view> value = Take(name);
    if (!value) return;
    if (*value == "yes" || *value == "no") {
      field = *value == "yes";
    } else {
      Bad(name, *value, "yes or no");
    }
  }
  void operator()(std::string_view name, Index& field) { Integer(name, &field.value); }
  void operator()(std::string_view name, Count& field) {
    if (at_ < words_.size() && !words_[at_].quoted &&
        words_[at_].text == std::string(name) + "=all") {
      ++at_;
      field.value = 0;
      return;
    }
    Integer(name, &field.value);
  }
  void operator()(std::string_view name, Number& field) { Integer(name, &field.value); }
  template <NamedEnum E>
  void operator()(std::string_view name, E& field) {
    const std::optional<std::string_view> value = Take(name);
    if (!value) return;
    std::string choices;
    size_t index = 0;
    for (const std::string_view choice : EnumNames(E{})) {
      if (choice == *value) {
        field = static_cast<E>(index);
        return;
      }
      choices += choices.empty() ? "" : ", ";
      choices += choice;
      ++index;
    }
    Bad(name, *value, "one of " + choices);
  }
  void operator()(std::string_view, Text& field) {
    if (at_ < words_.size()) field.bytes = arena_->Copy(words_[at_++].text);
  }
  void operator()(std::string_view, Args& field) {
    std::span<std::string_view> words = arena_->Words(words_.size() - at_);
    for (std::string_view& word : words) word = arena_->Copy(words_[at_++].text);
    field.words = words;
  }

  // Call after all fields were read. Returns the error, or "".
  const std::string& Finish() {
    if (error_.empty() && at_ < words_.size()) {
      error_ = "no field takes '" + words_[at_].text +
               "': fields are written name=value in their order (see 'resprobe show')";
    }
    return error_;
  }

 private:
  // The value of the next word, if it has the form name=value with this name.
  std::optional<std::string_view> Take(std::string_view name) {
    if (at_ >= words_.size() || words_[at_].quoted) return std::nullopt;
    const std::string_view word = words_[at_].text;
    if (word.size() <= name.size() || !word.starts_with(name) || word[name.size()] != '=') {
      return std::nullopt;
    }
    ++at_;
    return word.substr(name.size() + 1);
  }
  template <class T>
  void Integer(std::string_view name, T* field) {
    const std::optional<std::string_view> value = Take(name);
    if (!value) return;
    T parsed{};
    const char* const end = value->data() + value->size();
    const auto [stop, status] = std::from_chars(value->data(), end, parsed);
    if (status != std::errc() || stop != end) {
      Bad(name, *value,
          "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
              std::to_string(std::numeric_limits<T>::max()));
      return;
    }
    *field = parsed;
  }
  void Bad(std::string_view name, std::string_view value, const std::string& wanted) {
    if (error_.empty()) {
      error_ = std::string(name) + "=" + std::string(value) + ": write " + wanted;
    }
  }

  const std::vector<Word>& words_;
  Arena* arena_;
  size_t at_ = 0;
  std::string error_;
};

// Removes the next line from `*text`. False at the end.
bool TakeLine(std::string_view* text, std::string_view* line);

// Splits a line into words. Returns the error, or "".
std::string SplitLine(std::string_view line, std::vector<Word>* words);

// The name after "ops " on the first line that is not empty or a comment, or "" if `text` is not
// `.ops` text.
std::string HarnessOf(std::string_view text);

}  // namespace ops_text

template <class OpVariant>
void PrintOp(const OpVariant& op, std::string* out) {
  std::visit(
      [&](const auto& fields) {
        *out += std::remove_cvref_t<decltype(fields)>::kName;
        ops_text::FieldPrinter printer(out);
        VisitFields(fields, printer);
      },
      op);
}

template <class World>
std::string Print(const Case<World>& c) {
  std::string out = "ops ";
  out += World::kName;
  out += "\nconfig";
  ops_text::FieldPrinter printer(&out);
  VisitFields(c.config, printer);
  out += '\n';
  for (const auto& op : c.ops) {
    PrintOp(op, &out);
    out += '\n';
  }
  return out;
}

// Returns the error as "line N: what: how to fix it", or "" on success. Texts are copied to the
// arena.
template <class World>
std::string Parse(std::string_view text, Arena* arena, Case<World>* out) {
  using Op = typename World::Op;
  *out = {};
  std::string_view line;
  std::vector<ops_text::Word> words;
  bool named = false;
  size_t configured = 0;  // the line with the config; 0: none yet
  for (size_t number = 1; ops_text::TakeLine(&text, &line); ++number) {
    const auto fail = [&](const std::string& what) {
      return "line " + std::to_string(number) + ": " + what;
    };
    if (std::string error = ops_text::SplitLine(line, &words); !error.empty()) return fail(error);
    if (words.empty()) continue;
    const std::string kind = words.front().text;
    words.erase(words.begin());
    if (!named) {
      if (kind != "ops" || words.size() != 1) {
        return fail("not an .ops text: begin with 'ops " + std::string(World::kName) + "'");
      }
      if (words[0].text != World::kName) {
        return fail("a case of '" + words[0].text + "', not of '" + std::string(World::kName) +
                    "': replay it with its own harness");
      }
      named = true;
      continue;
    }
    ops_text::FieldParser parser(words, arena);
    if (kind == "config") {
      if (configured != 0) {
        return fail("config is given already, in line " + std::to_string(configured) +
                    ": make one line of the two");
      }
      configured = number;
      VisitFields(out->config, parser);
      if (const std::string& error = parser.Finish(); !error.empty()) return fail(error);
      continue;
    }
    size_t index = 0;
    std::optional<size_t> found;
    std::string kinds;
    ForEachKind<Op>([&](auto tag) {
      constexpr std::string_view kName = decltype(tag)::type::kName;
      if (kName == kind) found = index;
      kinds += kinds.empty() ? "" : ", ";
      kinds += kName;
      ++index;
    });
    if (!found) {
      return fail(std::string("no op is named '").append(kind).append("': use one of ") + kinds);
    }
    Op& op = out->ops.emplace_back();
    EmplaceKind(op, *found);
    std::visit([&](auto& fields) { VisitFields(fields, parser); }, op);
    if (const std::string& error = parser.Finish(); !error.empty()) return fail(error);
  }
  if (!named) {
    return "line 1: not an .ops text: begin with 'ops " + std::string(World::kName) + "'";
  }
  return "";
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_OPS_TEXT_H_
