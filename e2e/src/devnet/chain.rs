//! The chain as its users see it: balances, payments, burns, and what the gate has recorded.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use alloy::consensus::Transaction as _;
use alloy::network::EthereumWallet;
use alloy::primitives::{Bytes, TxHash, U256, Uint};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::types::{Filter, TransactionReceipt, TransactionRequest};
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent};
use anyhow::{Context as _, bail, ensure};
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_evm::contract::{Gate, class_word, evm_address, transfer_word};
use isthmus_evm::eip712::{rotation_digest, sign};
use isthmus_evm::sent::minted;

use crate::devnet::keys::EvmKey;

sol! {
    /// What holders call.
    interface CarbonUnits {
        function balanceOf(address account, uint256 id) external view returns (uint256);
        function totalSupply(uint256 id) external view returns (uint256);
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data) external;
    }
}

sol! {
    /// What the gate's guardian and admin call.
    interface GateRoles {
        function pause() external;
        function unpause() external;
        function setLimit(uint256 assetClass, uint88 most, uint32 window) external;
        function setBigTransfer(uint256 assetClass, uint88 from, uint32 delay) external;
    }
}

/// How long a transaction may take to be in a block.
const INCLUDED: Duration = Duration::from_secs(30);
/// 1000 ether.
const FUNDS_WEI: u128 = 1_000_000_000_000_000_000_000;

/// Seconds until a new signer set is in force at a devnet's gate.
pub const ROTATION_DELAY_S: u32 = 3;
/// Seconds for which the set before still counts.
pub const ROTATION_GRACE_S: u32 = 6;

/// A client of the chain and its gate.
#[derive(Clone, Debug)]
pub struct Chain {
    /// JSON-RPC over http.
    pub url: String,
    pub(super) rpc: RootProvider,
    gate: Address,
    units: Address,
}

/// A burn in a block.
#[derive(Clone, Copy, Debug)]
pub struct Burned {
    /// The gate's number for it.
    pub number: u64,
    /// The return's TransferId.
    pub id: TransferId,
    /// The block that it is in.
    pub block: u64,
}

impl Chain {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let none = Address::new([0; 20]);
        Ok(Self {
            url: url.to_owned(),
            rpc: ProviderBuilder::default().connect_http(url.parse()?),
            gate: none,
            units: none,
        })
    }

    pub(super) async fn use_gate(&mut self, gate: Address) -> anyhow::Result<()> {
        self.gate = gate;
        let units = self.call(gate, &Gate::unitsCall {}).await?;
        self.units = Address::new(units.into_array());
        Ok(())
    }

    async fn call<C: SolCall>(&self, to: Address, call: &C) -> anyhow::Result<C::Return> {
        let request = TransactionRequest::default()
            .to(evm_address(to))
            .input(Bytes::from(call.abi_encode()).into());
        let answer = self.rpc.call(request).await?;
        Ok(C::abi_decode_returns(&answer)?)
    }

    pub(super) async fn fund(&self, account: Address) -> anyhow::Result<()> {
        let funds = U256::from(FUNDS_WEI);
        Ok(self
            .rpc
            .anvil_set_balance(evm_address(account), funds)
            .await?)
    }

    /// Grams of a class that an account has.
    pub async fn balance_g(&self, account: Address, class: AssetClassId) -> anyhow::Result<u64> {
        let call = CarbonUnits::balanceOfCall {
            account: evm_address(account),
            id: class_word(class),
        };
        grams(self.call(self.units, &call).await?)
    }

    /// Grams of a class that circulate.
    pub async fn supply_g(&self, class: AssetClassId) -> anyhow::Result<u64> {
        let call = CarbonUnits::totalSupplyCall {
            id: class_word(class),
        };
        grams(self.call(self.units, &call).await?)
    }

    /// The gate's word on a transfer: 0 none, 1 minted, 2 voided.
    pub async fn outcome(&self, transfer: TransferId) -> anyhow::Result<u8> {
        let call = Gate::outcomesCall {
            transferIds: vec![transfer_word(transfer)],
        };
        let outcomes = self.call(self.gate, &call).await?;
        let settlement = outcomes.first().context("one outcome for one id")?;
        Ok(settlement.outcome)
    }

    /// How many mints of a transfer the gate has recorded.
    pub async fn mints_of(&self, transfer: TransferId) -> anyhow::Result<usize> {
        let word = transfer_word(transfer);
        let mut mints = 0;
        for log in self
            .rpc
            .get_logs(&self.gate_events::<Gate::BatchMinted>())
            .await?
        {
            let batch = Gate::BatchMinted::decode_log(&log.inner)?;
            mints += minted(&batch)
                .filter(|item| item.transferId == word)
                .count();
        }
        Ok(mints)
    }

    /// Transactions that minted, final or not, the gas that they used, and what was paid for it.
    pub async fn paid_for_mints(&self) -> anyhow::Result<(u64, u64, u128)> {
        let filter = self.gate_events::<Gate::BatchMinted>();
        let logs = self.rpc.get_logs(&filter).await?.into_iter();
        let hashes: BTreeSet<_> = logs.filter_map(|log| log.transaction_hash).collect();
        let (mut count, mut gas, mut wei) = (0, 0, 0);
        for hash in hashes {
            let receipt = self.rpc.get_transaction_receipt(hash).await?;
            let receipt = receipt.context("a transaction with a log has a receipt")?;
            count += 1;
            gas += receipt.gas_used;
            wei += u128::from(receipt.gas_used) * receipt.effective_gas_price;
        }
        Ok((count, gas, wei))
    }

    /// The block in which a transfer was minted or voided, final or not.
    pub async fn settled_in(&self, transfer: TransferId) -> anyhow::Result<Option<u64>> {
        let call = Gate::outcomesCall {
            transferIds: vec![transfer_word(transfer)],
        };
        let outcomes = self.call(self.gate, &call).await?;
        let settled = outcomes.first().filter(|settled| settled.outcome != 0);
        Ok(settled.map(|settled| settled.height))
    }

    /// Hashes of the blocks in which the gate recorded anything.
    pub async fn gate_blocks(&self) -> anyhow::Result<Vec<String>> {
        let filter = Filter::new().address(evm_address(self.gate)).from_block(0);
        let logs = self.rpc.get_logs(&filter).await?;
        let hashes = logs.iter().filter_map(|log| log.block_hash);
        let mut hashes: Vec<_> = hashes.map(|hash| hash.to_string()).collect();
        hashes.dedup();
        Ok(hashes)
    }

    /// How many burns there are on the chain.
    pub async fn burns(&self) -> anyhow::Result<usize> {
        let filter = self.gate_events::<Gate::Burned>();
        Ok(self.rpc.get_logs(&filter).await?.len())
    }

    fn gate_events<E: SolEvent>(&self) -> Filter {
        Filter::new()
            .address(evm_address(self.gate))
            .event_signature(E::SIGNATURE_HASH)
            .from_block(0)
    }

    /// Sends units to somebody else; any grams.
    pub async fn pay(
        &self,
        from: &EvmKey,
        to: Address,
        class: AssetClassId,
        grams: u64,
    ) -> anyhow::Result<()> {
        let call = CarbonUnits::safeTransferFromCall {
            from: evm_address(from.address()),
            to: evm_address(to),
            id: class_word(class),
            value: U256::from(grams),
            data: Bytes::new(),
        };
        let hash = self.send(from, self.units, &call).await?;
        self.included(hash).await.map(|_| ())
    }

    /// Burns units; answers when the burn is in a block.
    pub async fn burn(
        &self,
        holder: &EvmKey,
        class: AssetClassId,
        grams: u64,
        purpose: Purpose,
        commitment: Hash32,
    ) -> anyhow::Result<Burned> {
        let call = Gate::burnCall {
            assetClass: class_word(class),
            quantity: U256::from(grams),
            purpose: match purpose {
                Purpose::Release => 1,
                Purpose::Retire => 2,
            },
            commitment: (*commitment.as_bytes()).into(),
        };
        let hash = self.send(holder, self.gate, &call).await?;
        let receipt = self.included(hash).await?;
        let mut logs = receipt.inner.logs().iter();
        let event = logs.find_map(|log| Gate::Burned::decode_log(&log.inner).ok());
        let event = event.context("the receipt has no Burned event")?;
        Ok(Burned {
            number: event.number.try_into()?,
            id: TransferId::new(event.burnId.0),
            block: receipt
                .block_number
                .context("an included transaction has a block")?,
        })
    }

    /// The guardian stops minting: items are skipped. Burns and voids go on.
    pub async fn pause_gate(&self, guardian: &EvmKey) -> anyhow::Result<()> {
        let hash = self
            .send(guardian, self.gate, &GateRoles::pauseCall {})
            .await?;
        self.included(hash).await.map(|_| ())
    }

    /// The admin starts minting again.
    pub async fn unpause_gate(&self, admin: &EvmKey) -> anyhow::Result<()> {
        let hash = self
            .send(admin, self.gate, &GateRoles::unpauseCall {})
            .await?;
        self.included(hash).await.map(|_| ())
    }

    /// The attesters in force appoint the next ones; answers with the new epoch when the appointment is in a block. It begins
    /// [`ROTATION_DELAY_S`] later, and the epoch before counts for [`ROTATION_GRACE_S`] more. `by` are enough of those in force.
    pub async fn rotate(
        &self,
        payer: &EvmKey,
        by: &[&EvmKey],
        signers: &[Address],
        threshold: u8,
    ) -> anyhow::Result<u32> {
        let mut signers = signers.to_vec();
        signers.sort();
        let epoch = self.call(self.gate, &Gate::lastEpochCall {}).await? + 1;
        let chain_id = self.rpc.get_chain_id().await?;
        let digest = rotation_digest(chain_id, self.gate, &signers, threshold, epoch);
        let mut by = by.to_vec();
        by.sort_by_key(|key| key.address());
        let signature = |key: &&EvmKey| {
            let key = key.signing_key()?;
            anyhow::Ok(Bytes::from(sign(digest, &key).to_vec()))
        };
        let call = Gate::rotateSignersCall {
            signers: signers.into_iter().map(evm_address).collect(),
            threshold,
            signatures: by.iter().map(signature).collect::<anyhow::Result<_>>()?,
        };
        let hash = self.send(payer, self.gate, &call).await?;
        self.included(hash).await?;
        Ok(epoch)
    }

    /// The guardian cancels a rotation that is not yet in force.
    pub async fn cancel_rotation(&self, guardian: &EvmKey) -> anyhow::Result<()> {
        let call = Gate::cancelRotationCall {};
        let hash = self.send(guardian, self.gate, &call).await?;
        self.included(hash).await.map(|_| ())
    }

    /// The epoch in force by the newest block's time.
    pub async fn epoch(&self) -> anyhow::Result<u32> {
        self.call(self.gate, &Gate::epochCall {}).await
    }

    /// The admin sets how fast a class may be minted; zeros for no limit.
    pub async fn set_limit(
        &self,
        admin: &EvmKey,
        class: AssetClassId,
        most_g: u64,
        window_s: u32,
    ) -> anyhow::Result<()> {
        let call = GateRoles::setLimitCall {
            assetClass: class_word(class),
            most: Uint::from(most_g),
            window: window_s,
        };
        let hash = self.send(admin, self.gate, &call).await?;
        self.included(hash).await.map(|_| ())
    }

    /// The admin sets from which quantity on an item waits, and for how long; zeros for no wait.
    pub async fn set_big_transfer(
        &self,
        admin: &EvmKey,
        class: AssetClassId,
        from_g: u64,
        delay_s: u32,
    ) -> anyhow::Result<()> {
        let call = GateRoles::setBigTransferCall {
            assetClass: class_word(class),
            from: Uint::from(from_g),
            delay: delay_s,
        };
        let hash = self.send(admin, self.gate, &call).await?;
        self.included(hash).await.map(|_| ())
    }

    /// Somebody sends a batch again that the gate skipped before: what is signed is public.
    pub async fn repeat_skipped_batch(&self, from: &EvmKey) -> anyhow::Result<()> {
        let logs = self
            .rpc
            .get_logs(&self.gate_events::<Gate::Skipped>())
            .await?;
        let hash = logs.last().and_then(|log| log.transaction_hash);
        let hash = hash.context("the gate has skipped nothing")?;
        let sent = self.rpc.get_transaction_by_hash(hash).await?;
        let input = sent
            .context("the node forgot a transaction")?
            .input()
            .clone();
        let hash = self.send_input(from, self.gate, input).await?;
        self.included(hash).await.map(|_| ())
    }

    async fn send<C: SolCall>(
        &self,
        from: &EvmKey,
        to: Address,
        call: &C,
    ) -> anyhow::Result<TxHash> {
        let input = Bytes::from(call.abi_encode());
        self.send_input(from, to, input).await
    }

    async fn send_input(&self, from: &EvmKey, to: Address, input: Bytes) -> anyhow::Result<TxHash> {
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(EthereumWallet::from(from.signer().clone()))
            .connect_http(self.url.parse()?);
        let request = TransactionRequest::default()
            .to(evm_address(to))
            .input(input.into())
            .gas_limit(500_000);
        Ok(*provider.send_transaction(request).await?.tx_hash())
    }

    async fn included(&self, hash: TxHash) -> anyhow::Result<TransactionReceipt> {
        let deadline = Instant::now() + INCLUDED;
        loop {
            if let Some(receipt) = self.rpc.get_transaction_receipt(hash).await? {
                ensure!(receipt.status(), "transaction {hash} was reverted");
                return Ok(receipt);
            }
            if Instant::now() > deadline {
                bail!("transaction {hash} is in no block after {INCLUDED:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn grams(word: U256) -> anyhow::Result<u64> {
    u64::try_from(word).context("more grams than fit in 64 bits")
}
