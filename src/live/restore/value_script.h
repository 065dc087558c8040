#ifndef RESPROBE_LIVE_RESTORE_VALUE_SCRIPT_H_
#define RESPROBE_LIVE_RESTORE_VALUE_SCRIPT_H_

#include <string>
#include <vector>

namespace resprobe::live {

// Requests that give a server values of all types in all encodings, with few elements each: those
// that the generated calls use too. Requests for settings that a server lacks are answered with an
// error, which is ignored.
struct ValueScript {
  std::vector<std::vector<std::string>> requests;
  std::vector<std::vector<std::string>> undo;  // sets the settings back
  std::vector<std::string> keys;               // to be dumped
  std::vector<std::string> strings;            // keys of strings that other types are read from
};
ValueScript MakeValueScript();

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_VALUE_SCRIPT_H_
