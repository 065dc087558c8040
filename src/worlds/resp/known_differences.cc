#include "worlds/resp/known_differences.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace resprobe {
namespace {

using resp::ParseErrorCode;
using std::string_view_literals::operator""sv;

constexpr int kVersion100 = HiredisVersion(1, 0, 0);
constexpr int kVersion110 = HiredisVersion(1, 1, 0);
constexpr int kVersion120 = HiredisVersion(1, 2, 0);
constexpr int kVersion130 = HiredisVersion(1, 3, 0);
constexpr int kVersion140 = HiredisVersion(1, 4, 0);

// The core has refused, hiredis has not.
bool OnlyCoreRefuses(const Divergence& d, ParseErrorCode code) {
  return d.core == Outcome::kError && d.hiredis != Outcome::kError && d.core_error.code == code;
}
// Hiredis has refused, the core has not.
bool OnlyHiredisRefuses(const Divergence& d) {
  return d.hiredis == Outcome::kError && d.core != Outcome::kError;
}
bool RefusedTypeByte(const Divergence& d, std::string_view types) {
  return OnlyHiredisRefuses(d) && d.token.size() == 1 && types.find(d.token[0]) != types.npos &&
         d.hiredis_error.find("as reply type byte") != d.hiredis_error.npos;
}
// The line without its type byte and CRLF.
std::string_view LineOf(const Divergence& d) {
  return d.token.size() < 3 ? std::string_view() : d.token.substr(1, d.token.size() - 3);
}
bool IsLine(const Divergence& d, char type) {
  return d.token.size() >= 3 && d.token[0] == type && d.token.ends_with("\r\n");
}
bool EqualIgnoringCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}
// A finite number in a form that strtod parses completely, or a name that hiredis knows.
bool StrtodTakes(std::string_view text) {
  for (const std::string_view name : {"inf"sv, "-inf"sv, "nan"sv, "-nan"sv}) {
    if (EqualIgnoringCase(text, name)) return true;
  }
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  return !copy.empty() && end == copy.c_str() + copy.size() && std::isfinite(value);
}

// A number other than zero that rounds to zero or to a subnormal.
bool Underflows(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find_first_of("eE"));
  if (digits.find_first_of("123456789") == digits.npos) return false;
  return std::fabs(std::strtod(std::string(text).c_str(), nullptr)) <
         std::numeric_limits<double>::min();
}

constexpr KnownDifference kKnownDifferences[] = {
    // Types.
    {"resp3_types", "_ # , ( ! = % ~ | > are no reply types", kEveryVersion, kVersion100,
     "hiredis speaks RESP3 from 1.0 on",
     [](const Divergence& d) { return RefusedTypeByte(d, "_#,(!=%~|>"); }},
    {"big_number_type", "( is no reply type", kVersion100, kVersion110, "added in 1.1",
     [](const Divergence& d) { return RefusedTypeByte(d, "("); }},
    {"bulk_error_type", "! is no reply type", kVersion100, kNoEnd,
     "not implemented; no server up to redis 7.0 sends it",
     [](const Divergence& d) { return RefusedTypeByte(d, "!"); }},
    {"attribute_type", "| is no reply type", kVersion100, kVersion130,
     "added in 1.3; of servers, only DEBUG PROTOCOL attrib sends it",
     [](const Divergence& d) { return RefusedTypeByte(d, "|"); }},
    {"attribute_is_element", "an attribute is a reply or an element of its own", kVersion130,
     kNoEnd,
     "hiredis has no place for what annotates a value, so it counts an attribute where the "
     "specification does not, and ends what is around it too early",
     [](const Divergence& d) { return d.attribute_seen; }},
    {"streamed_types", "$? *? ~? %? are bad lengths", kEveryVersion, kNoEnd,
     "not implemented; no server sends them",
     [](const Divergence& d) {
       return OnlyHiredisRefuses(d) && d.token.size() == 4 && d.token.ends_with("?\r\n") &&
              "$*~%"sv.find(d.token[0]) != std::string_view::npos;
     }},
    {"nested_push", "a push can stand inside other values", kVersion100, kNoEnd,
     "hiredis treats it as an array; the specification has pushes at the top level only",
     [](const Divergence& d) { return OnlyCoreRefuses(d, ParseErrorCode::kNestedPush); }},

    // Lengths.
    {"null_lengths", "%-1 >-1 ~-1 =-1 |-1 are nil", kVersion100, kNoEnd,
     "hiredis treats all aggregates, and all bulks, alike; the specification has only $-1 and *-1",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadLength) && LineOf(d) == "-1" &&
              "%>~=|"sv.find(d.token[0]) != std::string_view::npos;
     }},
    {"bulk_limit", "a bulk string may be longer than proto-max-bulk-len", kEveryVersion, kNoEnd,
     "hiredis has no limit; the core has the server's",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBulkTooLong) &&
              (IsLine(d, '$') || IsLine(d, '='));
     }},
    {"line_limit", "a line may be of any length", kEveryVersion, kNoEnd,
     "hiredis has no limit; the core has the server's",
     [](const Divergence& d) { return OnlyCoreRefuses(d, ParseErrorCode::kLineTooLong); }},
    {"nesting_8", "no more than 8 aggregates can be open, and no null array stand inside 8",
     kEveryVersion, kVersion100,
     "hiredis had a stack of fixed size, and looks at it before the length",
     [](const Divergence& d) {
       return OnlyHiredisRefuses(d) && d.token == "*" && d.depth == 8 &&
              d.hiredis_error.find("nested multi bulk") != d.hiredis_error.npos;
     }},
    {"nesting_unlimited", "any number of aggregates can be open", kVersion100, kNoEnd,
     "hiredis had no limit until one of 1024 came after 1.4.0, which it sees before the length",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kTooDeep) ||
              (OnlyHiredisRefuses(d) && d.token.size() == 1 && d.depth >= 1024 &&
               d.hiredis_error.find("depth") != d.hiredis_error.npos);
     }},

    // Line and bulk terminators.
    {"line_feed", "a line feed alone neither ends a line nor is refused at once", kEveryVersion,
     kNoEnd, "hiredis looks for CRLF, and at what is before it only then",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadLineEnd) && d.token.ends_with('\n') &&
              !d.token.ends_with("\r\n");
     }},
    {"carriage_return", "a simple string or error can have a carriage return inside", kEveryVersion,
     kVersion110, "hiredis refuses it from 1.1 on",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadLineEnd) && (IsLine(d, '+') || IsLine(d, '-'));
     }},
    {"bulk_end", "any two bytes end a bulk", kEveryVersion, kNoEnd, "hiredis does not look at them",
     [](const Divergence& d) { return OnlyCoreRefuses(d, ParseErrorCode::kBadBulkEnd); }},

    // Numbers and similar values.
    {"integer_forms", "integers have no plus sign, no leading zero, no minus before zero",
     kEveryVersion, kNoEnd,
     "hiredis takes what it can print back unchanged; the specification allows a sign and digits",
     [](const Divergence& d) {
       if (!OnlyHiredisRefuses(d) || !IsLine(d, ':')) return false;
       std::string_view text = LineOf(d);
       if (text.starts_with('+')) return true;
       const bool minus = text.starts_with('-');
       if (minus) text.remove_prefix(1);
       return text.starts_with('0') && (minus || text.size() > 1);
     }},
    {"double_forms", "doubles can be .5, 0x10, \" 1\", INF, NaN", kVersion100, kNoEnd,
     "hiredis asks strtod (from 1.4 on a parser of its own, which takes .5), and for the names "
     "without regard to case",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadDouble) && IsLine(d, ',') &&
              StrtodTakes(LineOf(d));
     }},
    {"double_length", "a double has at most 325 bytes", kVersion100, kNoEnd,
     "hiredis copies it to a buffer of fixed size",
     [](const Divergence& d) {
       return OnlyHiredisRefuses(d) && IsLine(d, ',') && LineOf(d).size() > 325;
     }},
    {"double_nan", "nan is no double", kVersion100, kVersion110, "added in 1.1",
     [](const Divergence& d) { return OnlyHiredisRefuses(d) && d.token == ",nan\r\n"; }},
    {"double_minus_nan", "-nan is no double", kVersion100, kVersion120,
     "added in 1.2: servers before redis 7.2 send it",
     [](const Divergence& d) { return OnlyHiredisRefuses(d) && d.token == ",-nan\r\n"; }},
    {"double_plus", "a double has no plus sign", kVersion140, kNoEnd,
     "the parser of its own that hiredis has from 1.4 on does not take it; the specification does",
     [](const Divergence& d) {
       return OnlyHiredisRefuses(d) && IsLine(d, ',') && LineOf(d).starts_with('+');
     }},
    {"double_underflow", "a double that is too small for its type is refused", kVersion140, kNoEnd,
     "the parser of its own says so; strtod, and the core, round to zero",
     [](const Divergence& d) {
       return OnlyHiredisRefuses(d) && IsLine(d, ',') && Underflows(LineOf(d));
     }},
    {"boolean_case", "#T and #F are booleans", kVersion100, kNoEnd,
     "the specification has #t and #f",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadBoolean) &&
              (d.token == "#T\r\n" || d.token == "#F\r\n");
     }},
    {"boolean_nul", "# and a NUL is false", kVersion110, kNoEnd,
     "a fault: strchr() also finds the terminator of the bytes it is given "
     "(docs/findings/hiredis-boolean-nul.md)",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadBoolean) && d.token == "#\0\r\n"sv;
     }},
    {"unchecked_text", "what follows _ is not looked at, of what follows # one byte", kVersion100,
     kVersion110, "checked from 1.1 on",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadNull) ||
              OnlyCoreRefuses(d, ParseErrorCode::kBadBoolean);
     }},
    {"big_number_empty", "a big number can lack digits", kVersion110, kNoEnd,
     "hiredis checks each byte, not that there is one",
     [](const Divergence& d) {
       return OnlyCoreRefuses(d, ParseErrorCode::kBadBigNumber) &&
              (d.token == "(\r\n" || d.token == "(-\r\n");
     }},
    {"big_number_plus", "a big number has no plus sign", kVersion110, kNoEnd,
     "not implemented; the specification allows it",
     [](const Divergence& d) { return OnlyHiredisRefuses(d) && d.token.starts_with("(+"); }},
};

}  // namespace

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kValue:
      return "a value";
    case Outcome::kNeedMore:
      return "more needed";
    case Outcome::kError:
      return "an error";
  }
  return "";
}

std::span<const KnownDifference> KnownDifferences() { return kKnownDifferences; }

const KnownDifference* Explain(const Divergence& seen) {
  for (const KnownDifference& known : kKnownDifferences) {
    if (seen.version >= known.from && seen.version < known.to && known.explains(seen)) {
      return &known;
    }
  }
  return nullptr;
}

}  // namespace resprobe
