// ModelRun: one sequence of random operations on a Vfs and on the reference tree side by side, acting towards the Vfs as the kernel does.
// Each operation is made of one number and of the state that it finds, so a sequence with numbers left out is one too: that is how a
// failing one is made short.
#ifndef HARDLINKFS_TESTS_MODEL_MODEL_RUN_H_
#define HARDLINKFS_TESTS_MODEL_MODEL_RUN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/dice.h"
#include "tests/model/machine.h"
#include "tests/model/reference_tree.h"

namespace hardlinkfs {

// How the two differ. Thrown: what follows a difference means nothing, and it may be found ten calls deep.
struct Difference {
  std::string what;
};

class ModelRun {
 public:
  using TraceSink = std::function<void(const std::string&)>;

  // `trace` gets a line before each operation is made.
  ModelRun(const MachineOptions& options, TraceSink trace);

  // Throws Difference.
  void Operate(uint64_t number);
  // Compares everything. Throws Difference.
  void Compare();
  // Closes, compares what then has to hold, and opens again. Throws Difference.
  void RemountClean();

 private:
  using Operation = void (ModelRun::*)();
  enum class Faults { kMay, kNever };  // whether an operation that fails below leaves everything as it was
  struct Weighted {
    Operation operation;
    unsigned weight;
    Faults faults;
  };
  static const std::vector<Weighted>& Operations();

  // model_operations.cc
  void MakeNode();
  void MakeDirectory();
  void MakeMany();
  void Create();
  void MakeTemporary();
  void Link();
  void Unlink();
  void RemoveDirectory();
  void Rename();
  void MoveAbout();
  void SetAttributes();
  void ChangeXattr();
  void Open();
  void Release();
  void ReadContent();
  void WriteContent();
  void SyncSomething();
  void Forget();
  void Reclaim();
  void Settle();
  void KillAndRemount();
  void CleanRemount() { RemountClean(); }
  void MakeIn(ReferenceNode& directory, FileType type);
  void RenameNames(ReferenceNode& from, const std::string& name, ReferenceNode& to, const std::string& new_name, RenameMode mode);

  // model_run.cc
  ReferenceNode& PickDirectory();
  ReferenceNode& PickNode();
  // A name that is likely there, or likely not.
  std::string PickName(const ReferenceNode& directory, unsigned percent_existing);
  ReferenceCaller PickCaller();
  static Caller ToCaller(const ReferenceCaller& caller);
  void Trace(const std::string& what);
  std::string Show(const ReferenceNode& node) const { return tree_.Describe(node); }
  [[noreturn]] void Fail(const std::string& what) const;
  // Both have to have come to the same end; after a fault that was ordered, the model is not asked. RETURNS: whether it was success.
  bool Agree(int actual, const std::function<int()>& expected);
  bool Agree(int actual, int expected);
  bool FailedAsOrdered(int actual);
  void OrderFault();
  void CancelFault();
  void Begin();
  void ExpectAttributes(const ReferenceNode& node, const Attributes& attributes, const std::string& where);
  void CompareNode(ReferenceNode& node, const std::string& path);
  void CompareDirectory(ReferenceNode& directory, const std::string& path);
  void CompareContent(ReferenceNode& node, const std::string& path);
  void CompareXattrs(const ReferenceNode& node, const std::string& path);
  void CheckInvariants(int moment);
  void CompareBackingContents();
  // What another machine does to the bare backing between two sessions. model_bare.cc
  struct BareHome {
    ReferenceNode* node;
    BackingDirectoryRef directory;
    BackingName name;
  };
  std::vector<BareHome> BareHomes(FileType type);
  void EditBare(const std::vector<BareHome>& files, const std::vector<BareHome>& directories);
  void EditBareFile(const BareHome& home);
  void RemoveBareFile(const BareHome& home);
  void AddBareFile(ReferenceNode& directory, const BackingDirectoryRef& ref);
  void TouchAll();
  void TakeOverTimes();

  Machine machine_;
  ReferenceTree tree_;
  TraceSink trace_;
  Dice dice_{0};
  uint64_t compared_ = 0;
  bool fault_ordered_ = false;
  bool failed_tidying_ = false;  // in this session: intents may be left, and contents of orphans be gone
  uint64_t added_bare_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_MODEL_RUN_H_
