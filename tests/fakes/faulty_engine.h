// FaultyEngine: passes everything on to another engine, but asks a hook before, which may have the call fail. It fails reads too, which
// MemoryEngine by itself never does.
#ifndef HARDLINKFS_TESTS_FAKES_FAULTY_ENGINE_H_
#define HARDLINKFS_TESTS_FAKES_FAULTY_ENGINE_H_

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/engine/engine.h"

namespace hardlinkfs {

enum class EngineCall { kGet, kScan, kNext, kCommit, kSync };

// Thread safety: that of the other engine, but the hook may not be changed while somebody uses it.
class FaultyEngine final : public Engine {
 public:
  // RETURNS: the errno to fail with, or 0.
  using FaultHook = std::function<int(EngineCall call)>;

  // Borrows `engine`.
  explicit FaultyEngine(Engine& engine) : engine_(engine) {}

  void SetFaultHook(FaultHook hook) { hook_ = std::move(hook); }

  Result<std::optional<std::string>> Get(std::string_view key) const override {
    if (const Status entered = Enter(EngineCall::kGet); !entered.ok()) return entered.error();
    return engine_.Get(key);
  }
  std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const override {
    return std::make_unique<FaultyCursor>(*this, engine_.Scan(prefix, from));
  }
  Status Commit(const Batch& batch) override {
    if (Status entered = Enter(EngineCall::kCommit); !entered.ok()) return entered;
    return engine_.Commit(batch);
  }
  void SetBeforePersist(std::function<Status()> action) override { engine_.SetBeforePersist(std::move(action)); }
  using Engine::Sync;
  // After one that failed it is the volume that makes no more commits.
  Status Sync(const std::function<void()>& chosen) override {
    const Status entered = Enter(EngineCall::kSync);
    // Nothing could be begun: it may be asked again.
    if (entered.code() == ENOSPC || entered.code() == EDQUOT) return entered;
    if (entered.ok()) return engine_.Sync(chosen);
    chosen();
    return entered;
  }

 private:
  class FaultyCursor final : public Cursor {
   public:
    FaultyCursor(const FaultyEngine& engine, std::unique_ptr<Cursor> cursor)
        : engine_(engine), cursor_(std::move(cursor)), failed_(engine.Enter(EngineCall::kScan)) {}
    bool Valid() const override { return failed_.ok() && cursor_->Valid(); }
    std::string_view key() const override { return cursor_->key(); }
    std::string_view value() const override { return cursor_->value(); }
    void Next() override {
      failed_ = engine_.Enter(EngineCall::kNext);
      if (failed_.ok()) cursor_->Next();
    }
    Status status() const override { return failed_.ok() ? cursor_->status() : failed_; }

   private:
    const FaultyEngine& engine_;
    const std::unique_ptr<Cursor> cursor_;
    Status failed_;
  };

  Status Enter(EngineCall call) const {
    const int code = hook_ ? hook_(call) : 0;
    if (code != 0) return Error{code, "a fault of the test's hook in the engine"};
    return {};
  }

  Engine& engine_;
  FaultHook hook_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_FAULTY_ENGINE_H_
